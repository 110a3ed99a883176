"""Writes golden.json beside it: what the reference engine makes of conversations with tools.

    pip install -r requirements.txt
    python make_golden.py [--templates DIR --output FILE]

The templates of the directory `templates` were written for these tests; each has the constructions
of one family's template, named in its first line. Another directory of templates can be checked the
same way: render it with --templates, put it and the file in the place of these, run the tests.
"""

import argparse
import copy
import datetime
import json
import pathlib

import transformers.utils.chat_template_utils as reference
from jinja2.exceptions import TemplateError

HERE = pathlib.Path(__file__).parent

WEATHER = {
    "name": "get_weather",
    "description": "Météo d'une ville; <b>&</b> 'actuelle'",
    "parameters": {
        "type": "object",
        "properties": {
            "ville": {"type": "string", "description": "Nom de la ville, p. ex. \"Brest\""},
            "unité": {"type": "string", "enum": ["celsius", "fahrenheit"], "description": "Unité"},
            "jours": {"type": "integer", "minimum": 1, "maximum": 14, "description": "Combien"},
            "options": {
                "type": "object",
                "properties": {"vent": {"type": ["boolean", "null"], "default": None}, "a": {}},
                "description": "Détails",
                "additionalProperties": False,
            },
            "seuils": {"type": "array", "items": {"type": "number"}, "description": " Seuils "},
        },
        "required": ["ville"],
    },
}
STOP = {"name": "arrêter-tout", "parameters": {"type": "object", "properties": {}, "required": []}}
TOOLS = [WEATHER, STOP]

ARGUMENTS = {
    "ville": "L'Haÿ-les-Roses \"<94>\" & \\ \n 👋🏽",
    "jours": 3,
    "options": {"vent": None, "a": {}, "b": [], "z": True},
    "seuils": [1.5, -2, 0.001, 12345678901, [False]],
}


def user(content):
    return {"role": "user", "content": content}


def system(content):
    return {"role": "system", "content": content}


def assistant(content, *calls):
    message = {"role": "assistant", "content": content}
    if calls:
        message["tool_calls"] = [
            {"id": id, "name": name, "arguments": json.dumps(arguments, ensure_ascii=False)}
            for id, name, arguments in calls
        ]
    return message


def result(id, content):
    return {"role": "tool", "content": content, "tool_call_id": id}


CONVERSATIONS = [
    [user("Quel temps à Brest ?")],
    [system("Réponds court."), user("Quel temps à Brest ?")],
    [
        system("Réponds court."),
        user("Quel temps à Brest ?"),
        assistant("", ("abcDEF123", "get_weather", {"ville": "Brest"})),
        result("abcDEF123", "{\"temp\": 12.5,\n \"ciel\": \"gris\"}"),
    ],
    [
        user("Un"),
        assistant("Deux"),
        user("Les deux villes ?"),
        assistant(
            "",
            ("aaaaaaaa1", "get_weather", {"ville": "Brest"}),
            ("aaaaaaaa2", "get_weather", {"ville": "Lyon", "jours": 2}),
        ),
        result("aaaaaaaa1", "12"),
        result("aaaaaaaa2", "l'été <&> \\ \"20\""),
        assistant("Brest 12, Lyon 20."),
        user("Et demain ?"),
    ],
    [
        user("Arrête"),
        assistant("Je regarde d'abord.", ("bbbbbbbb1", "get_weather", ARGUMENTS)),
        result("bbbbbbbb1", "ok"),
        assistant("", ("bbbbbbbb2", "arrêter-tout", {})),
        result("bbbbbbbb2", ""),
    ],
]


class Clock(datetime.datetime):
    """The moment that the tests' clock tells."""

    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 6, 15, 4, 9)


def as_template_sees(messages, template):
    """Messages in the form of transformers' documentation, or as the template insists on."""
    texts = "call.function.arguments +" in template
    names, seen = {}, []
    for message in copy.deepcopy(messages):
        calls = message.pop("tool_calls", [])
        if calls:
            if texts and not message["content"]:
                message["content"] = None
            message["tool_calls"] = []
        for call in calls:
            names[call["id"]] = call["name"]
            arguments = call["arguments"] if texts else json.loads(call["arguments"])
            function = {"name": call["name"], "arguments": arguments}
            message["tool_calls"].append(
                {"type": "function", "id": call["id"], "function": function})
        if message["role"] == "tool":
            message["name"] = names[message["tool_call_id"]]
        seen.append(message)
    return seen


def render(template, messages, tools, generation):
    reference.datetime = Clock
    tools = [{"type": "function", "function": tool} for tool in tools]
    try:
        rendered, _ = reference.render_jinja_template(
            conversations=[as_template_sees(messages, template)],
            tools=tools or None,
            chat_template=template,
            add_generation_prompt=generation,
            bos_token="<s>",
            eos_token="</s>",
        )
    except (TemplateError, TypeError) as error:
        return {"refused": str(error)}
    return {"rendered": rendered[0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--templates", type=pathlib.Path, default=HERE / "templates")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "golden.json")
    arguments = parser.parse_args()
    golden = {"tools": TOOLS, "conversations": CONVERSATIONS, "cases": []}
    for path in sorted(arguments.templates.glob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        for conversation, messages in enumerate(CONVERSATIONS):
            for tools, generation in [(2, True), (1, False), (0, True)]:
                case = {"template": path.stem, "conversation": conversation, "tools": tools}
                got = render(template, messages, TOOLS[:tools], generation)
                golden["cases"].append({**case, "generation": generation, **got})
    text = json.dumps(golden, ensure_ascii=False, separators=(",", ":"))
    text = text.replace('{"template":', '\n{"template":').replace('[{"role":', '\n[{"role":')
    arguments.output.write_text(text + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
