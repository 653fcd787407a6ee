/*
 * serve.h - `holdload serve`: the opposite end of the load tool
 */
#ifndef HOLDLOAD_SERVE_SERVE_H
#define HOLDLOAD_SERVE_SERVE_H

/* argv[0] is "serve". The exit status. */
int serve_main(int argc, char **argv);

#endif
