"""Pydantic models: found, copied, dumped and loaded attribute by attribute, without their validators."""

from __future__ import annotations

import threading

import pytest
from pydantic import BaseModel, ConfigDict, PrivateAttr, field_validator

from dspex_actors.modules import Parameter, deep_copy, dump_state, load_state, named_parameters
from tests.dspex_actors.modules._modules import Holder


class Settings(BaseModel):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)

    rate: float = 0.5
    prompt: Parameter | None = None
    nested: list[Settings] = []
    lock: object = None
    _hidden: list = PrivateAttr(default_factory=list)

    @field_validator("rate")
    @classmethod
    def below_one(cls, value):
        if value >= 1:
            raise ValueError("too fast")
        return value


class FrozenSettings(BaseModel):
    model_config = ConfigDict(frozen=True)

    rate: float = 0.5


def test_parameters_in_fields_extras_and_private_attributes_are_found():
    settings = Settings(
        prompt=Parameter("p"), nested=[Settings(prompt=Parameter("q"))], more=[Parameter("r")]
    )
    settings._hidden.append(Parameter("s"))

    assert sorted(name for name, _ in named_parameters(settings)) == [
        "__pydantic_extra__['more'][0]",
        "__pydantic_private__['_hidden'][0]",
        "nested[0].prompt",
        "prompt",
    ]


def test_a_model_is_copied_around_what_is_alive_in_it():
    settings = Settings(lock=threading.Lock(), extra=[1])
    settings.nested.append(settings)
    copied = deep_copy(Holder(settings=settings)).settings

    assert copied is not settings
    assert copied.lock is settings.lock
    assert copied.nested[0] is copied
    assert copied.extra == [1]
    assert copied.extra is not settings.extra
    assert copied.model_fields_set == settings.model_fields_set


@pytest.mark.parametrize("model", [Settings(rate=0.25, a=[1]), FrozenSettings(rate=0.25)], ids=repr)
def test_a_model_is_loaded_as_it_was_dumped(model):
    fresh = type(model)()
    load_state(fresh, dump_state(model))

    assert fresh == model
    assert fresh.model_fields_set == model.model_fields_set
    assert fresh.model_dump() == model.model_dump()


def test_a_load_runs_no_validator():
    settings = Settings()
    load_state(settings, dump_state(settings) | {"rate": 5.0})
    assert settings.rate == 5.0
