#!/usr/bin/env python3
"""Drives a running server with the official OpenAI client: chat, stream, schemas, tools, responses,
embeddings, errors, retries. The text model must know tools (Qwen, Llama 3.1, Mistral).

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
import pydantic
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


class Rental(pydantic.BaseModel):
    """What a parsed answer must be."""

    machine: str
    days: int
    price_per_day: float
    delivered: bool


RENTAL = [{"role": "user", "content": "Extrais : la mini-pelle MP-18 est louée 3 jours à 135 euros "
                                      "par jour, livraison comprise."}]
TOOLS = [{"type": "function", "function": {
    "name": "get_price", "description": "Prix de location d'une machine",
    "parameters": {"type": "object", "properties": {"reference": {"type": "string"}},
                   "required": ["reference"], "additionalProperties": False}, "strict": True}}]
ASK_PRICE = [{"role": "user", "content": "Quel est le prix de la machine MP-18 ? Utilise l'outil."}]


@check
def a_schema_is_parsed(client):
    done = client.chat.completions.parse(
        model=text_model(client), messages=RENTAL, response_format=Rental, temperature=0,
        max_tokens=120)
    rental = done.choices[0].message.parsed
    assert "MP-18" in rental.machine and rental.days == 3, rental


@check
def tools_are_called_and_answered(client):
    model = text_model(client)
    done = client.chat.completions.create(model=model, messages=ASK_PRICE, tools=TOOLS,
                                          tool_choice="required", temperature=0, max_tokens=80)
    message = done.choices[0].message
    assert done.choices[0].finish_reason == "tool_calls", done
    call = message.tool_calls[0]
    assert call.function.name == "get_price"
    assert "MP-18" in json.loads(call.function.arguments)["reference"]
    follow = ASK_PRICE + [message.model_dump(exclude_none=True),
                          {"role": "tool", "tool_call_id": call.id, "content": "135 EUR par jour"}]
    told = client.chat.completions.create(model=model, messages=follow, temperature=0, max_tokens=60)
    assert "135" in told.choices[0].message.content, told


@check
def tool_calls_are_streamed(client):
    with client.chat.completions.stream(
            model=text_model(client), messages=ASK_PRICE, tools=TOOLS, tool_choice="required",
            temperature=0, max_tokens=80) as events:
        final = events.get_final_completion()
    call = final.choices[0].message.tool_calls[0]
    assert "MP-18" in call.function.parsed_arguments["reference"], call


@check
def several_choices_with_logprobs(client):
    done = client.chat.completions.create(
        model=text_model(client), messages=MESSAGES, n=2, seed=5, logprobs=True, top_logprobs=3,
        max_tokens=8)
    assert len(done.choices) == 2
    for choice in done.choices:
        tokens = choice.logprobs.content
        assert "".join(token.token for token in tokens).startswith(choice.message.content[:4])
        assert all(len(token.top_logprobs) == 3 and token.logprob <= 0 for token in tokens)


@check
def responses_whole_and_streamed(client):
    model = text_model(client)
    request = dict(model=model, input="Dis bonjour.", temperature=0, max_output_tokens=24,
                   instructions="Réponds en français.", store=False)
    whole = client.responses.create(**request)
    assert whole.status in ("completed", "incomplete") and whole.output_text, whole
    assert whole.usage.total_tokens == whole.usage.input_tokens + whole.usage.output_tokens
    with client.responses.stream(**request) as events:
        kinds = [event.type for event in events]
        final = events.get_final_response()
    assert final.output_text == whole.output_text
    assert kinds[0] == "response.created" and kinds[-1].startswith("response."), kinds


@check
def responses_are_parsed_and_call_tools(client):
    model = text_model(client)
    parsed = client.responses.parse(model=model, input=RENTAL, text_format=Rental, temperature=0,
                                    max_output_tokens=120, store=False)
    assert parsed.output_parsed.days == 3, parsed
    tool = {"type": "function", **TOOLS[0]["function"]}
    done = client.responses.create(model=model, input=ASK_PRICE, tools=[tool], store=False,
                                   tool_choice="required", temperature=0, max_output_tokens=80)
    call = next(item for item in done.output if item.type == "function_call")
    follow = ASK_PRICE + [call.model_dump(exclude_none=True),
                          {"type": "function_call_output", "call_id": call.call_id,
                           "output": "135 EUR par jour"}]
    told = client.responses.create(model=model, input=follow, temperature=0, store=False,
                                   max_output_tokens=60)
    assert "135" in told.output_text, told


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
