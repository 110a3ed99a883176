"""A server that is killed and started again on the same data. Standard library only."""

import atexit
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid

import live_api


class Machine:
    """`arguments` has `binary` and `models`; `settings` are passed with `--set`."""

    def __init__(self, arguments, prefix, settings):
        self.arguments, self.settings = arguments, settings
        self.data = tempfile.mkdtemp(prefix=prefix)
        self.environment = {**os.environ, "INTRAMUROS_DATA_DIR": self.data,
                            "INTRAMUROS_MODELS_DIR": arguments.models, "INTRAMUROS_LANG": "en"}
        scopes = "inference,knowledge:read,knowledge:write,jobs:read,jobs:write"
        made = subprocess.run([arguments.binary, "keys", "create", "--name", "kill", "--label", "*",
                               "--scope", scopes, "--json"],
                              env=self.environment, capture_output=True, text=True, check=True)
        self.key = json.loads(made.stdout)["key"]
        self.process = None
        atexit.register(self.kill)
        self.start()

    def start(self):
        log = open(os.path.join(self.data, "log"), "a")
        command = [self.arguments.binary, "serve", "--listen", "127.0.0.1:0",
                   "--set", "log.format=json"]
        for setting in self.settings:
            command += ["--set", setting]
        at = log.tell()
        self.process = subprocess.Popen(command, env=self.environment, stderr=log)
        deadline = time.time() + 60
        while time.time() < deadline:
            with open(log.name) as text:
                text.seek(at)
                found = re.search(r'"message":"listening","address":"([^"]+)"', text.read())
            if found:
                self.server = live_api.Server(f"http://{found.group(1)}", self.key)
                return
            if self.process.poll() is not None:
                sys.exit(f"the server ended: see {log.name}")
            time.sleep(0.02)
        sys.exit("the server did not listen within 60 s")

    def kill(self):
        if self.process:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def upload(self, base, file_name, text, query=""):
        boundary = uuid.uuid4().hex
        head = f'name="file"; filename="{file_name}"'
        body = (f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n"
                f"--{boundary}--\r\n")
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        path = f"/api/v1/knowledge-bases/{base}/documents{query}"
        return self.server.call("POST", path, body.encode(), kind)
