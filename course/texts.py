# SPDX-License-Identifier: MIT
"""The tool's own words, in English and French: texts/en.toml, texts/fr.toml."""
import os
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
LANGUAGES = ("en", "fr")
SEMICOLON = {"en": "; ", "fr": "\u202f; "}


def language_of_environment(environ=os.environ):
    """The language of messages, as gettext finds it: fr, else en."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(name)
        if value:
            return "fr" if value.startswith("fr") else "en"
    return "en"


def load(language):
    with open(os.path.join(HERE, "texts", language + ".toml"), "rb") as file:
        return tomllib.load(file)


def number(value, language):
    """A count, with groups of digits as the language writes them."""
    if isinstance(value, float):
        text = f"{value:,.1f}"
    elif isinstance(value, int):
        text = f"{value:,}"
    else:
        return str(value)
    if language == "fr":
        return text.replace(",", "\u202f").replace(".", ",")
    return text


def both(first, second):
    """Two texts in each language as one."""
    return {language: first[language] + SEMICOLON[language] + second[language]
            for language in LANGUAGES}


class Texts:
    """t("check.passed", lesson="05") is the sentence in one language."""

    def __init__(self, language):
        self.language = language
        self.table = load(language)

    def __call__(self, key, **values):
        text = self.table
        for part in key.split("."):
            text = text[part]
        return text.format(**values) if values else text

    def of(self, pair):
        """The right half of a {"en": ..., "fr": ...} pair."""
        if isinstance(pair, dict):
            return pair.get(self.language) or pair.get("en") or ""
        return pair or ""

    def number(self, value):
        return number(value, self.language)
