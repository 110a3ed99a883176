"""Serves a GGUF file with the `mistralrs` Python package, over as much of OpenAI's API as `intramuros bench` uses.

    PYTHON scripts/lib/mistralrs_server.py GGUF PORT

PYTHON has the package `mistralrs`, whose module has no server of its own. Run by scripts/bench-peers;
a thread a connection, chunks are passed on as the engine gives them.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mistralrs import ChatCompletionRequest, Runner, Which


def usage(told):
    return {name: getattr(told, name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}


def request(body):
    schema = ((body.get("response_format") or {}).get("json_schema") or {}).get("schema")
    grammar = {"grammar_type": "json_schema", "grammar": json.dumps(schema)} if schema else {}
    return ChatCompletionRequest(
        model="default", messages=body["messages"], max_tokens=body["max_tokens"],
        temperature=body["temperature"], stream=True, **grammar)


class Handler(BaseHTTPRequestHandler):
    runner = None
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_GET(self):
        if self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [{"id": "default", "object": "model"}]})
        else:
            self.answer(404, {"error": {"message": "no such path"}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            chunks = self.runner.send_chat_completion_request(request(body))
        except Exception as error:
            self.answer(400, {"error": {"message": str(error)}})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.stream(chunks)

    def stream(self, chunks):
        told = None
        try:
            for chunk in chunks:
                told = chunk.usage or told
                for choice in chunk.choices:
                    self.event({"choices": [{"index": 0, "delta": {"content": choice.delta.content},
                                             "finish_reason": choice.finish_reason}]})
            self.event({"choices": [], "usage": told and usage(told)})
            self.wfile.write(b"data: [DONE]\n\n")
        except BrokenPipeError:
            pass  # the client left
        except Exception as error:
            self.event({"error": {"message": str(error)}})

    def event(self, value):
        self.wfile.write(f"data: {json.dumps(value)}\n\n".encode())


def main():
    file, port = Path(sys.argv[1]).resolve(), int(sys.argv[2])
    Handler.runner = Runner(which=Which.GGUF(
        quantized_model_id=str(file.parent), quantized_filename=file.name))
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
