#!/usr/bin/env python3
"""Writes added_tokens.json: what the tokenizers package makes of texts with control tokens in them, by the settings of the
tokens and of the step that marks spaces. Run: python3 make_added_tokens.py > added_tokens.json
"""
import json
from pathlib import Path

from tokenizers import Tokenizer

BASE = json.loads((Path(__file__).parent / "spm.tokenizer.json").read_text())
TEXTS = [
    "hello</s>hello", "</s>hello", "hello </s> hello", "hello</s>", " </s></s>  hello", "a</s>b </s>b a</s> </s>",
    "</s> \n hello", "hello  </s>  </s>  hello",
]
cases = []
for scheme in ("always", "first", "never"):
    for flags in ({}, {"lstrip": True}, {"rstrip": True}, {"lstrip": True, "rstrip": True}, {"single_word": True}):
        tokenizer = json.loads(json.dumps(BASE))
        tokenizer["normalizer"] = None
        tokenizer["pre_tokenizer"] = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": scheme, "split": False}
        tokenizer["post_processor"] = None
        for token in tokenizer["added_tokens"]:
            if token["content"] == "</s>":
                token.update(flags)
        made = Tokenizer.from_str(json.dumps(tokenizer))
        ids = [made.encode(text, add_special_tokens=False).ids for text in TEXTS]
        cases.append(dict(scheme=scheme, flags=flags, texts=TEXTS, ids=ids))
print(json.dumps(cases, separators=(",", ":")))
