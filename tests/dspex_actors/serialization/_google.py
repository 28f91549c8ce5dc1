"""`state.proto` as Google's library knows it, made from the text of the file that is shipped."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

import dspex_actors.serialization

SCHEMA = Path(dspex_actors.serialization.__file__).with_name("state.proto")
_FIELD = re.compile(r"(repeated )?(\w+) (\w+) = (\d+);")
_SCALARS = {
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "sint64": descriptor_pb2.FieldDescriptorProto.TYPE_SINT64,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
}
_PACKAGE = "dspex.state.v1"


@cache
def value_class():
    """Return the class of the message `Value`."""
    text = re.sub(r"//.*", "", SCHEMA.read_text(encoding="utf-8"))
    file = descriptor_pb2.FileDescriptorProto(name="state.proto", package=_PACKAGE, syntax="proto3")
    for name, body in re.findall(r"message (\w+) \{((?:[^{}]|\{[^{}]*\})*)\}", text):
        message = file.message_type.add(name=name)
        if "oneof kind" in body:
            message.oneof_decl.add(name="kind")
        for repeated, kind, field, number in _FIELD.findall(body):
            added = message.field.add(name=field, number=int(number))
            added.label = added.LABEL_REPEATED if repeated else added.LABEL_OPTIONAL
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type, added.type_name = added.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            if "oneof kind" in body:
                added.oneof_index = 0
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Value"))


def parse(data):
    """Return the message that Google's parser makes of `data`."""
    message = value_class()()
    message.ParseFromString(data)
    return message
