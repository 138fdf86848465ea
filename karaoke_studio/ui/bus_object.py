"""One object on the desktop's message bus, described by a table of methods and properties.

PySide turns a Python int into the smallest D-Bus integer that holds it, while callers ask for
64 bits; `Numbers` makes those.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import quoteattr

from PySide6.QtCore import ClassInfo, QMetaType, QObject
from PySide6.QtCore import Property as QtProperty
from PySide6.QtDBus import (
    QDBusArgument,
    QDBusConnection,
    QDBusMessage,
    QDBusObjectPath,
    QDBusVariant,
    QDBusVirtualObject,
)

log = logging.getLogger(__name__)

_PROPERTIES = "org.freedesktop.DBus.Properties"
_ERROR = "org.freedesktop.DBus.Error."
_NUMBER_PATH, _NUMBER = "/org/karaoke_studio/number", "org.karaoke_studio.Number"

Reader = Callable[[], Any]
Writer = Callable[[Any], None]


@dataclass(frozen=True)
class Method:
    """Something that can be called.

    Attributes:
        call: takes the arguments as Python values.
        signature: D-Bus types of the arguments.
    """

    call: Callable[..., None]
    signature: str = ""


@dataclass(frozen=True)
class Value:
    """A property.

    Attributes:
        signature: its D-Bus type.
        read: returns it.
        write: takes another value, where that can be chosen from outside.
    """

    signature: str
    read: Reader
    write: Writer | None = None


@dataclass(frozen=True)
class Interface:
    """Methods and properties under one name."""

    name: str
    methods: Mapping[str, Method]
    values: Mapping[str, Value]


# the stubs know neither the call of ClassInfo nor names of C++ types
@ClassInfo({"D-Bus Interface": _NUMBER})  # type: ignore[call-arg]
class _Number(QObject):  # type: ignore[operator]
    """A property of the type that is wanted, which the bus hands back as a variant."""

    number = 0

    def _read(self) -> int:
        return self.number

    value = QtProperty("qlonglong", _read)  # type: ignore[arg-type]


class Numbers:
    """Makes 64-bit integers for the bus, whatever their size."""

    def __init__(self, bus: QDBusConnection) -> None:
        self._bus, self._number = bus, _Number()
        option = QDBusConnection.RegisterOption.ExportAllProperties
        bus.registerObject(_NUMBER_PATH, self._number, option)

    def int64(self, number: int) -> QDBusVariant:
        """Return a number as D-Bus type x."""
        self._number.number = number
        ask = QDBusMessage.createMethodCall(
            self._bus.baseService(), _NUMBER_PATH, _PROPERTIES, "Get"
        )
        ask.setArguments([_NUMBER, "value"])
        # answered in this process, at once
        (variant,) = self._bus.call(ask).arguments()
        assert isinstance(variant, QDBusVariant)
        return variant

    def close(self) -> None:
        """Take the object off the bus."""
        self._bus.unregisterObject(_NUMBER_PATH)


def to_map(values: Mapping[str, QDBusVariant]) -> QDBusArgument:
    """Return a D-Bus dictionary (a{sv})."""
    result = QDBusArgument()
    result.beginMap(QMetaType(QMetaType.Type.QString.value), QMetaType.fromName(b"QDBusVariant"))
    for name, value in values.items():
        result.beginMapEntry()
        result.appendVariant(name)
        result << value
        result.endMapEntry()
    result.endMap()
    return result


class BusObject(QDBusVirtualObject):
    """Answers calls to one path.

    Thread: GUI.
    """

    def __init__(
        self, bus: QDBusConnection, path: str, interfaces: Sequence[Interface], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._bus, self._path = bus, path
        self._interfaces = {interface.name: interface for interface in interfaces}
        self._numbers = Numbers(bus)
        bus.registerVirtualObject(path, self)

    def close(self) -> None:
        """Take the object off the bus."""
        self._bus.unregisterObject(self._path)
        self._numbers.close()

    def introspect(self, _path: str) -> str:
        """Describe the interfaces to whoever asks the bus."""
        return "".join(_describe(interface) for interface in self._interfaces.values())

    def handleMessage(self, message: QDBusMessage, bus: QDBusConnection) -> bool:  # noqa: N802
        """Answer a call; what is left to Qt (introspection) returns False."""
        if message.type() != QDBusMessage.MessageType.MethodCallMessage:
            return False
        is_of_values = message.interface() == _PROPERTIES
        answer = self._answer_property if is_of_values else self._answer_method
        reply = answer(message)
        if reply is None:
            return False
        if message.isReplyRequired():
            bus.send(reply)
        return True

    def tell_changed(self, interface: str, *names: str) -> None:
        """Tell everybody about properties that are other ones now."""
        changed = {name: self._variant(interface, name) for name in names}
        signal = QDBusMessage.createSignal(self._path, _PROPERTIES, "PropertiesChanged")
        signal.setArguments([interface, to_map(changed), []])
        self._bus.send(signal)

    # -- answers

    def _answer_method(self, message: QDBusMessage) -> QDBusMessage | None:
        interface = self._interfaces.get(message.interface())
        if interface is None:
            return None
        method = interface.methods.get(message.member())
        if method is None:
            return message.createErrorReply(f"{_ERROR}UnknownMethod", "There is no such one")
        if message.signature() != method.signature:
            return message.createErrorReply(
                f"{_ERROR}InvalidArgs", f"{message.member()} takes ({method.signature})"
            )
        method.call(*map(_plain, message.arguments()))
        return message.createReply()

    def _answer_property(self, message: QDBusMessage) -> QDBusMessage | None:
        name, *rest = map(_plain, message.arguments()) if message.arguments() else [""]
        interface = self._interfaces.get(name)
        if interface is None:
            return message.createErrorReply(f"{_ERROR}UnknownInterface", "There is no such one")
        if message.member() == "GetAll":
            values = {each: self._variant(name, each) for each in interface.values}
            return _reply(message, to_map(values))
        value = interface.values.get(rest[0]) if rest else None
        if value is None:
            return message.createErrorReply(f"{_ERROR}UnknownProperty", "There is no such one")
        if message.member() == "Get":
            return _reply(message, self._variant(name, rest[0]))
        if value.write is None or len(rest) < 2:
            return message.createErrorReply(f"{_ERROR}PropertyReadOnly", "It cannot be set")
        try:
            value.write(rest[1])
        except (TypeError, ValueError):
            return message.createErrorReply(f"{_ERROR}InvalidArgs", f"It is a {value.signature}")
        return message.createReply()

    def _variant(self, interface: str, name: str) -> QDBusVariant:
        value = self._interfaces[interface].values[name]
        found = value.read()
        if value.signature == "x":
            return self._numbers.int64(found)
        if value.signature == "a{sv}":
            return QDBusVariant(to_map({key: self._member(each) for key, each in found.items()}))
        return QDBusVariant(found)

    def _member(self, value: Any) -> QDBusVariant:
        """Return a member of a dictionary; all its integers have 64 bits."""
        return self._numbers.int64(value) if type(value) is int else QDBusVariant(value)


def _plain(value: Any) -> Any:
    """Return an argument as a Python value."""
    if isinstance(value, QDBusVariant):
        return value.variant()
    return value.path() if isinstance(value, QDBusObjectPath) else value


def _reply(message: QDBusMessage, value: Any) -> QDBusMessage:
    reply = message.createReply()
    reply.setArguments([value])
    return reply


def _describe(interface: Interface) -> str:
    lines = [f"<interface name={quoteattr(interface.name)}>"]
    for name, method in interface.methods.items():
        arguments = "".join(f'<arg type="{kind}" direction="in"/>' for kind in method.signature)
        lines.append(f'<method name="{name}">{arguments}</method>')
    for name, value in interface.values.items():
        access = "readwrite" if value.write else "read"
        lines.append(f'<property name="{name}" type="{value.signature}" access="{access}"/>')
    return "\n".join((*lines, "</interface>\n"))
