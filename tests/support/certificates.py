"""Certificates for one test, made with the openssl command: authorities, and who they vouch for."""

import os
import subprocess

KINDS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"],
         "weak": ["-newkey", "rsa:1024"]}


def openssl(*arguments):
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


class Authority:
    def __init__(self, directory, name="authority", signed_by=None):
        self.directory, self.name = directory, name
        self.cert, self.key = self.path("pem"), self.path("key")
        above = ["-CA", signed_by.cert, "-CAkey", signed_by.key] if signed_by else []
        openssl("req", "-x509", *KINDS["ec"], "-nodes", "-keyout", self.key, "-out", self.cert, "-subj", f"/CN={name}",
                "-days", 30, *above)

    def path(self, ending, name=None):
        return os.path.join(self.directory, f"{name or self.name}.{ending}")

    def issue(self, name, subject=None, days=30, kind="ec", password=None, names="DNS:localhost,IP:127.0.0.1"):
        """(certificate, key) of a file name; made anew, with another serial number, each time."""
        cert, key, request = (self.path(ending, name) for ending in ("pem", "key", "csr"))
        secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        openssl("req", "-new", *KINDS[kind], *secret, "-keyout", key, "-out", request, "-subj",
                subject or f"/CN={name}", "-addext", f"subjectAltName={names}")
        openssl("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-copy_extensions", "copy", "-out", cert)
        return cert, key
