#!/usr/bin/env python3
"""Makes lib/prices/data/prices.txt from the price list of the litellm package (MIT). Not part of the build.

    pip download --no-deps litellm==VERSION
    tools/prices.py litellm-VERSION-*.whl DATE > lib/prices/data/prices.txt

DATE is the day on which the list was fetched. Only chat models of the providers that ace knows are taken, under their exact
names; a price that the list does not give is left out ('-'), never guessed. The numbers are pico-dollars a token: dollars a
million tokens times 1,000,000.
"""
import decimal
import json
import re
import sys
import zipfile

LIST = "litellm/model_prices_and_context_window_backup.json"
# The list's provider and the prefix of its names, and what ace calls it.
PROVIDERS = {
    "openai": ("", "openai"),
    "anthropic": ("", "anthropic"),
    "gemini": ("gemini/", "gemini"),
    "dashscope": ("dashscope/", "dashscope"),
    "zai": ("zai/", "zhipu"),
}
KINDS = [
    ("input_cost_per_token", "input"),
    ("cache_read_input_token_cost", "read"),
    ("cache_creation_input_token_cost", "write"),
    ("cache_creation_input_token_cost_above_1hr", "write_1h"),
    ("output_cost_per_token", "output"),
    ("output_cost_per_reasoning_token", "reasoning"),
]
# Names that a vendor takes for another model of its own: alias, exact name.
ALIASES = [
    ("anthropic/claude-sonnet-4-5-latest", "anthropic/claude-sonnet-4-5"),
    ("anthropic/claude-haiku-4-5-latest", "anthropic/claude-haiku-4-5"),
    ("anthropic/claude-opus-4-5-latest", "anthropic/claude-opus-4-5"),
    ("gemini/gemini-2.5-pro-latest", "gemini/gemini-2.5-pro"),
    ("zhipu/glm-4.6-latest", "zhipu/glm-4.6"),
]
# Short names for people.
SHORT = [
    ("sonnet", "anthropic/claude-sonnet-5-5"),
    ("opus", "anthropic/claude-opus-5-5"),
    ("haiku", "anthropic/claude-haiku-5-5"),
    ("gpt", "openai/gpt-5.6"),
    ("flash", "gemini/gemini-3.8-flash"),
    ("glm", "zhipu/glm-5.3"),
    ("qwen", "dashscope/qwen3-coder-plus"),
]


def pico(value):
    if value is None:
        return "-"
    exact = decimal.Decimal(repr(value)) * 10**12
    # What a float holds beyond a billionth of a dollar's thousandth is noise of the list.
    return str(int(exact.to_integral_value(decimal.ROUND_HALF_UP)))


def row(facts, ending=""):
    return " ".join(pico(facts.get(key + ending)) for key, _ in KINDS)


def tiers(facts):
    for tier in facts.get("tiered_pricing", [])[1:]:
        yield f"  above {int(tier['range'][0])} {row(tier)}"
    above = sorted(
        {int(m[1]) for key in facts if (m := re.fullmatch(r"input_cost_per_token_above_(\d+)k_tokens", key))}
    )
    for thousands in above:
        yield f"  above {thousands * 1000} {row(facts, f'_above_{thousands}k_tokens')}"
    for service in ("flex", "priority"):
        if f"input_cost_per_token_{service}" in facts:
            yield f"  {service} 0 {row(facts, '_' + service)}"
            for thousands in above:
                ending = f"_above_{thousands}k_tokens_{service}"
                if f"input_cost_per_token{ending}" in facts:
                    yield f"  {service} {thousands * 1000} {row(facts, ending)}"


def main():
    wheel, date = sys.argv[1:]
    version = re.search(r"litellm-([0-9.]+)-", wheel)[1]
    models = json.load(zipfile.ZipFile(wheel).open(LIST))
    lines = {}
    for name, facts in models.items():
        prefix, ours = PROVIDERS.get(facts.get("litellm_provider"), (None, None))
        if ours is None or facts.get("mode") not in ("chat", "responses") or not name.startswith(prefix):
            continue
        name = name[len(prefix):]
        # Fine-tuned and spoken ones are billed by what the list does not hold, or are no models to talk to.
        if "/" in name or name.startswith("ft:") or re.search(r"audio|tts|lyria|omni|robotics", name):
            continue
        base = (facts.get("tiered_pricing") or [facts])[0]
        if base.get("input_cost_per_token") is None or base.get("output_cost_per_token") is None:
            continue
        # Nothing is what the list says of trials and of what it does not know; it is no price to count on.
        if not base["input_cost_per_token"] and not base["output_cost_per_token"]:
            continue
        window, most = facts.get("max_input_tokens") or "-", facts.get("max_output_tokens") or "-"
        lines[f"{ours}/{name}"] = [f"{ours}/{name} {window} {most} {row(base)}", *tiers(facts)]
    print("# Prices of models, made by tools/prices.py; pico-dollars a token. A row: model, window and most output in tokens,")
    print(f"# {', '.join(kind for _, kind in KINDS)}; below it what holds above so many tokens of input, or for a service tier.")
    print(f"date {date}\nsource litellm {version}")
    for key in sorted(lines):
        print("\n".join(lines[key]))
    for kind, pairs in (("alias", ALIASES), ("short", SHORT)):
        for name, exact in pairs:
            if exact not in lines:
                sys.exit(f"{kind} {name}: the list has no {exact}")
            print(f"{kind} {name} {exact}")


main()
