"""Strict configuration files: YAML read into frozen dataclasses.

A recipe is one YAML file whose sections are dataclasses; there is no inheritance between files and
no override language. An unknown, missing or ill-typed key is one line that names the key, the file
and what is allowed. `read_config` reads a whole file; `read_section` reads one section and leaves
the others to the package that owns them (`dataset.latents` reads only `latents`).
"""

import dataclasses
import difflib
import hashlib
import json
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from dataset.errors import OpenRelicError

Config = TypeVar("Config")

# YAML 1.1 reads 1e-4 as a string; here it is the number that everybody means.
_SCIENTIFIC = re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$")


@dataclass(frozen=True, kw_only=True)
class LatentsConfig:
    """How samples become latents: the section `latents`."""

    # pca: fitted in seconds on the training split; wan: diffusers' AutoencoderKLWan.
    tokenizer: Literal["pca", "wan"]
    # Folder or hub name that holds `vae/`; read by wan only.
    pretrained: str
    # Wan-2.1's VAE has 16 (its config.json); pca keeps as many components.
    channels: int
    # Pixels after the centre crop and resize. 480x832 is the paper's.
    height: int
    width: int
    # Samples of the training split that a fitted tokenizer sees; ours, seconds on two cores.
    fit_samples: int
    # What is stored. Our choice: latents have unit variance, so float16 costs 5e-4 of it at most
    # (bfloat16, which many models run in, 4e-3).
    dtype: Literal["bfloat16", "float16", "float32"]


def read_latents_config(path: str | Path) -> LatentsConfig:
    """The section `latents` of a recipe, checked for sizes that the tokenizer can hold."""
    config = read_section(path, "latents", LatentsConfig)
    for name in ("height", "width"):
        # 8 pixels a latent, and the transformer patchifies 2x2 latents.
        if getattr(config, name) <= 0 or getattr(config, name) % 16:
            raise OpenRelicError(
                f"{path}: latents.{name} is {getattr(config, name)}; it must be a multiple of 16"
            )
    if not 1 <= config.channels <= 768:
        raise OpenRelicError(f"{path}: latents.channels is {config.channels}; allowed: 1 to 768")
    if config.tokenizer == "pca" and config.fit_samples < 1:
        raise OpenRelicError(f"{path}: latents.fit_samples is {config.fit_samples}; allowed: >= 1")
    return config


def fingerprint(config: Any) -> str:
    """SHA-256 of a configuration (a dataclass or JSON value): equal values, equal fingerprints."""
    value = dataclasses.asdict(config) if dataclasses.is_dataclass(config) else config  # type: ignore[arg-type]
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def read_config(path: str | Path, config_type: type[Config]) -> Config:
    """The whole file as `config_type`."""
    return build_config(config_type, read_yaml(path), str(path))


def read_section(path: str | Path, section: str, config_type: type[Config]) -> Config:
    """One top-level section of the file as `config_type`; the other sections are not looked at."""
    whole = read_yaml(path)
    if section not in whole:
        raise OpenRelicError(
            f"{path}: the key {section!r} is missing; the file has {', '.join(whole) or 'no keys'}"
        )
    return build_config(config_type, whole[section], str(path), section)


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The file as a mapping; raises `OpenRelicError` for no file, no YAML, or a key given twice."""
    import yaml

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise OpenRelicError(f"config {path} cannot be read: {error.strerror}") from error
    try:
        value = yaml.load(text, _loader(str(path)))
    except yaml.YAMLError as error:
        raise OpenRelicError(f"{path} is not valid YAML: {error}") from error
    if not isinstance(value, dict):
        raise OpenRelicError(f"{path} must hold keys and values, not {_kind(value)}")
    return value


def _loader(path: str) -> Any:
    """A safe YAML loader that refuses repeated keys, which YAML would let override each other."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
            keys = [self.construct_object(key, deep=True) for key, _ in node.value]
            for key in keys:
                if keys.count(key) > 1:
                    line = node.start_mark.line + 1
                    raise OpenRelicError(
                        f"{path}: the key {key!r} is given twice below line {line}"
                    )
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _SCIENTIFIC, list("-+0123456789"))
    return Loader


def build_config(config_type: type[Config], value: Any, where: str, key: str = "") -> Config:
    """`value` as the dataclass `config_type`; `where` and `key` name file and place in errors.

    Supported field types: bool, int, float, str, Literal, `X | None`, tuples, nested dataclasses.
    """
    place = key or "the file"
    if not isinstance(value, Mapping):
        raise OpenRelicError(f"{where}: {place} must hold keys and values, not {_kind(value)}")
    hints = typing.get_type_hints(config_type)
    fields = {field.name: field for field in dataclasses.fields(config_type) if field.init}  # type: ignore[arg-type]
    for name in value:
        if name not in fields:
            raise OpenRelicError(_unknown(where, _join(key, str(name)), str(name), list(fields)))
    built = {}
    for name, field in fields.items():
        if name in value:
            built[name] = _convert(hints[name], value[name], where, _join(key, name))
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise OpenRelicError(f"{where}: the key '{_join(key, name)}' is missing")
    return config_type(**built)


def _unknown(where: str, place: str, name: str, allowed: list[str]) -> str:
    close = difflib.get_close_matches(name, allowed, n=1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"{where}: unknown key '{place}'{hint}; allowed: {', '.join(allowed)}"


def _convert(kind: Any, value: Any, where: str, key: str) -> Any:
    """`value` as the annotated type `kind`, or the one-line error."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if dataclasses.is_dataclass(kind):
        return build_config(kind, value, where, key)  # type: ignore[arg-type]
    if origin is Literal:
        if value not in arguments or type(value) not in {type(word) for word in arguments}:
            allowed = ", ".join(map(str, arguments))
            raise OpenRelicError(f"{where}: '{key}' is {value!r}; allowed: {allowed}")
        return value
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        (inner,) = [argument for argument in arguments if argument is not type(None)]
        return _convert(inner, value, where, key)
    if origin is tuple:
        return _convert_tuple(arguments, value, where, key)
    return _convert_scalar(kind, value, where, key)


def _convert_tuple(kinds: tuple[Any, ...], value: Any, where: str, key: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise OpenRelicError(f"{where}: '{key}' must be a list, not {_kind(value)}")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(kinds) != len(value):
        raise OpenRelicError(f"{where}: '{key}' has {len(value)} entries; it needs {len(kinds)}")
    pairs = enumerate(zip(kinds, value, strict=True))
    return tuple(_convert(kind, entry, where, f"{key}[{i}]") for i, (kind, entry) in pairs)


def _convert_scalar(kind: Any, value: Any, where: str, key: str) -> Any:
    # bool is an int in Python, and an int is a fine float; neither the other way round.
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise OpenRelicError(f"{where}: '{key}' must be {kind.__name__}, not {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"[:80]


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
