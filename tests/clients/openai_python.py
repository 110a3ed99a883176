#!/usr/bin/env python3
"""Drives a running server with the official OpenAI client: chat, stream, embeddings, errors, retries.

    python3 -m venv .venv && .venv/bin/pip install -r tests/clients/requirements.txt
    INTRAMUROS_API_KEY=imk_… .venv/bin/python tests/clients/openai_python.py [--url URL]

Prints a line a check and `N passed, N failed`; exits 1 when one failed.
"""

import argparse
import http.server
import json
import math
import os
import sys
import threading

import httpx
import openai
from openai import OpenAI

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def text_model(client):
    return next(model.id for model in client.models.list() if model.task == "text")


def encoder(client):
    return next(model.id for model in client.models.list() if model.task == "embedding")


def expect(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was expected")


MESSAGES = [{"role": "user", "content": "Réponds par un mot : quelle est la capitale de la France ?"}]


@check
def chat(client):
    answer = client.chat.completions.create(
        model=text_model(client), messages=MESSAGES, max_tokens=16, temperature=0)
    assert answer.choices[0].message.content.strip()
    assert answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


@check
def stream_equals_whole(client):
    request = dict(model=text_model(client), messages=MESSAGES, max_tokens=32, temperature=0)
    whole = client.chat.completions.create(**request)
    chunks = list(client.chat.completions.create(
        **request, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content, (text, whole)
    assert chunks[-1].usage == whole.usage


@check
def stream_helper(client):
    with client.chat.completions.stream(
        model=text_model(client), messages=MESSAGES, max_tokens=8, temperature=0) as events:
        final = events.get_final_completion()
    assert final.choices[0].message.content


@check
def completions(client):
    answer = client.completions.create(
        model=text_model(client), prompt="1, 2, 3, 4,", max_tokens=8, temperature=0)
    assert "5" in answer.choices[0].text, answer


@check
def embeddings(client):
    # The client asks for base64 by default and decodes it.
    answer = client.embeddings.create(model=encoder(client), input=["Bonjour", "Au revoir"])
    floats = client.embeddings.create(
        model=encoder(client), input=["Bonjour", "Au revoir"], encoding_format="float")
    for a, b in zip(answer.data, floats.data):
        assert all(math.isclose(x, y, abs_tol=1e-6) for x, y in zip(a.embedding, b.embedding))
    short = client.embeddings.create(model=encoder(client), input="Bonjour", dimensions=64)
    assert len(short.data[0].embedding) == 64


@check
def models(client):
    assert client.models.retrieve(text_model(client)).id == text_model(client)


@check
def errors_have_their_classes(client):
    model = text_model(client)
    wrong = expect(openai.AuthenticationError,
                   lambda: client.with_options(api_key="imk_wrong").models.list())
    assert wrong.code == "invalid_api_key", wrong
    missing = expect(openai.NotFoundError, lambda: client.chat.completions.create(
        model="gpt-4o", messages=MESSAGES))
    assert (missing.code, missing.param) == ("model_not_found", "model"), missing
    several = expect(openai.BadRequestError, lambda: client.chat.completions.create(
        model=model, messages=MESSAGES, reasoning_effort="high"))
    assert (several.code, several.param) == ("unsupported_field", "reasoning_effort"), several
    long = expect(openai.BadRequestError, lambda: client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "mot " * 200_000}]))
    assert long.code == "context_length_exceeded", long
    hot = expect(openai.BadRequestError, lambda: client.chat.completions.create(
        model=model, messages=MESSAGES, temperature=9))
    assert hot.param == "temperature", hot


@check
def retries_after_429(client):
    """The client waits for Retry-After and sends again; a relay answers the first call itself."""
    calls = []

    class Relay(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            calls.append(self.headers.get("x-stainless-retry-count"))
            if len(calls) == 1:
                answer = json.dumps({"error": {"message": "full", "type": "rate_limit_error",
                                               "code": "overloaded", "param": None}}).encode()
                self.send_response(429)
                self.send_header("retry-after", "1")
            else:
                reply = httpx.post(str(client.base_url) + "chat/completions", content=body,
                                   headers={"authorization": self.headers["authorization"],
                                            "content-type": "application/json"}, timeout=300)
                answer = reply.content
                self.send_response(reply.status_code)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    relay = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    threading.Thread(target=relay.serve_forever, daemon=True).start()
    through = client.with_options(base_url=f"http://127.0.0.1:{relay.server_port}/v1")
    answer = through.chat.completions.create(
        model=text_model(client), messages=MESSAGES, max_tokens=4)
    relay.shutdown()
    assert answer.choices and len(calls) == 2, calls


@check
def leaving_a_stream_frees_the_server(client):
    model = text_model(client)
    for _ in range(12):  # more than there are places
        chunks = client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": "Compte jusqu'à mille."}],
            max_tokens=1000, stream=True)
        next(iter(chunks))
        chunks.close()
    answer = client.chat.completions.create(model=model, messages=MESSAGES, max_tokens=4)
    assert answer.choices


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", default=os.environ.get("INTRAMUROS_URL", "http://127.0.0.1:8484"))
    arguments = parser.parse_args()
    http_client = httpx.Client(trust_env=False, timeout=300)
    client = OpenAI(base_url=arguments.url + "/v1", api_key=os.environ["INTRAMUROS_API_KEY"],
                    http_client=http_client, max_retries=2)
    failed = 0
    for function in CHECKS:
        try:
            function(client)
            print(f"ok      {function.__name__}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED  {function.__name__}: {error!r}", flush=True)
    print(f"{len(CHECKS) - failed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
