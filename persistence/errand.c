/* errand.c - a task for the drainer that the caller waits for (see errand.h) */
#include "persistence/errand.h"

#include <errno.h>
#include <semaphore.h>

#include "persistence/drainer.h"

struct errand {
	struct drainer_job job; /* first: a job is its errand */
	sem_t done;
	void (*work)(struct store *store, void *arg);
	void *arg;
};

static void do_errand(struct drainer_job *job, struct store *store)
{
	struct errand *errand = (struct errand *)job;

	errand->work(store, errand->arg);
}

static void on_done(struct drainer_job *job)
{
	struct errand *errand = (struct errand *)job;

	(void)sem_post(&errand->done);
}

void errand_office_init(struct errand_office *office, struct drainer *drainer)
{
	office->drainer = drainer;
	office->closed = false;
	pthread_mutex_init(&office->lock, NULL);
}

void errand_office_close(struct errand_office *office)
{
	pthread_mutex_lock(&office->lock);
	office->closed = true;
	pthread_mutex_unlock(&office->lock);
}

void errand_office_finish(struct errand_office *office)
{
	pthread_mutex_destroy(&office->lock);
}

static int submit(struct errand_office *office, struct drainer_job *job)
{
	int r = -ECANCELED;

	pthread_mutex_lock(&office->lock);
	if (!office->closed)
		r = drainer_submit(office->drainer, job);
	pthread_mutex_unlock(&office->lock);
	return r;
}

/* Until it is done. */
static int await(struct errand_office *office, struct errand *errand)
{
	int r;

	errand->job.done = on_done;
	if (sem_init(&errand->done, 0, 0) < 0)
		return -errno;
	r = submit(office, &errand->job);
	if (r == 0) {
		while (sem_wait(&errand->done) < 0)
			; /* a signal */
		r = errand->job.error;
	}
	(void)sem_destroy(&errand->done);
	return r;
}

int errand_run(struct errand_office *office,
	       void (*work)(struct store *store, void *arg), void *arg)
{
	struct errand errand = {
		.job.task = do_errand,
		.work = work,
		.arg = arg,
	};

	return await(office, &errand);
}

int errand_operate(struct errand_office *office,
		   const struct operation *operation,
		   struct operation_result *result)
{
	struct errand errand = { .job.operation = *operation };
	int r = await(office, &errand);

	*result = errand.job.result;
	return r;
}
