"""Talks to a running server's HTTP API; what the evaluation scripts share. Standard library only."""

import json
import mimetypes
import os
import sys
import time
import urllib.error
import urllib.request
import uuid


class Server:
    def __init__(self, url, key):
        self.url, self.key = url.rstrip("/"), key
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def call(self, method, path, body=None, headers=None):
        headers = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        if isinstance(body, dict):
            body, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with self.opener.open(request, timeout=600) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def upload(self, kb, path):
        boundary = uuid.uuid4().hex
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        head = (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                f'filename="{path.name}"\r\nContent-Type: {media_type}\r\n\r\n')
        body = head.encode() + path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.call("POST", f"/api/v1/knowledge-bases/{kb}/documents", body, kind)


def documents(server, kb):
    found, after = {}, ""
    while True:
        _, page = server.call("GET", f"/api/v1/knowledge-bases/{kb}/documents?limit=1000{after}")
        for document in page["documents"]:
            found[document["id"]] = document
        if not page["next"]:
            return found
        after = f"&after={page['next']}"


def server(url):
    key = os.environ.get("INTRAMUROS_API_KEY") or sys.exit("INTRAMUROS_API_KEY is not set")
    return Server(url, key)


def load(server, kb, paths, language="fr"):
    """Uploads files to a knowledge base, created if missing, and waits until they are indexed."""
    status, answer = server.call("POST", "/api/v1/knowledge-bases", {"id": kb, "language": language})
    if status not in (201, 409):
        sys.exit(f"the knowledge base cannot be created: {answer}")
    started = time.time()
    for path in paths:
        status, answer = server.upload(kb, path)
        if status >= 400:
            print(f"{path.name}: {answer.get('detail')}", file=sys.stderr)
    while True:
        states = [document["state"] for document in documents(server, kb).values()]
        if not any(state in ("pending", "indexing") for state in states):
            break
        time.sleep(1)
    print(f"{len(paths)} files in {time.time() - started:.0f} s, {states.count('failed')} failed")
