"""A template's XML as nodes that remember what was made of them, so that nothing is dropped
silently. The file is hostile until read: no entities, no documents of any size."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from calls.errors import SwitchboardError

LONGEST = 512 * 1024
_OUTSIDE = re.compile(r"\$\s*\{")
_MOST_ELEMENTS = 5_000
_DEEPEST = 30


class TemplateRefused(SwitchboardError):
    """Nothing can be made of this file; the message says why."""


@dataclass(slots=True)
class Node:
    """One element. What is asked for counts as used."""

    tag: str
    where: str
    attributes: dict[str, str]
    content: str
    children: list[Node] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    is_used: bool = False

    def get(self, name: str) -> str:
        """An attribute, empty where there is none."""
        self.used.add(name)
        return self.attributes.get(name, "").strip()

    def ignore(self, *names: str) -> None:
        """Attributes that say nothing to us."""
        self.used.update(names)

    def text(self) -> str:
        self.used.add("#")
        return self.content.strip()

    def all(self, *tags: str) -> list[Node]:
        found = [child for child in self.children if child.tag in tags]
        for child in found:
            child.is_used = True
        return found

    def one(self, tag: str) -> Node | None:
        return next(iter(self.all(tag)), None)

    def use_up(self) -> None:
        """All of it was reported by whoever read it."""
        self.is_used = True
        self.used.update(self.attributes, "#")
        for child in self.children:
            child.use_up()

    def left(self) -> Iterator[str]:
        """Where something stands that nobody asked for."""
        for name, value in self.attributes.items():
            if value.strip() and name not in self.used:
                yield f"{self.where}@{name}"
        if self.content.strip() and "#" not in self.used:
            yield f"{self.where} (text)"
        for child in self.children:
            if child.is_used:
                yield from child.left()
            elif child.attributes or child.children or child.content.strip():
                yield child.where


def read_template(raw: bytes) -> Node:
    """Raises TemplateRefused."""
    if len(raw) > LONGEST:
        raise TemplateRefused(f"the file is larger than {LONGEST // 1024} kB: no template is")
    try:
        root = fromstring(raw, forbid_dtd=True)
    except DefusedXmlException as error:
        raise TemplateRefused(
            "the file declares a document type or entities, which no template needs and attacks do"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise TemplateRefused(f"the file is not readable as XML ({error})") from error
    if root.tag != "Crm":
        raise TemplateRefused(
            f"this is no 3CX CRM template: its first element is <{root.tag[:40]}>, not <Crm>"
        )
    return _Reading().node(root, "Crm", 1)


class _Reading:
    def __init__(self) -> None:
        self._count = 0

    def node(self, element: Element, where: str, depth: int) -> Node:
        self._count += 1
        if self._count > _MOST_ELEMENTS or depth > _DEEPEST:
            raise TemplateRefused("the file has more elements, or deeper ones, than any template")
        if not isinstance(element.tag, str):
            raise TemplateRefused("the file holds what no template does")
        _refuse_outside_values(element, where)
        node = Node(element.tag, where, dict(element.attrib), element.text or "")
        for child in element:
            keys = (child.get(key) for key in ("Id", "Name", "Key", "Type"))
            name = next(filter(None, keys), "") or ""
            if child.tag == "Scenario" and not child.get("Id"):
                name = "by number"
            label = f"{child.tag}[{name[:40]}]" if name else child.tag
            node.children.append(self.node(child, f"{where}/{label}", depth + 1))
            # Text behind a child is the parent's.
            node.content += child.tail or ""
        return node


def _refuse_outside_values(element: Element, where: str) -> None:
    """A mapping reads variables and files of this machine where it says so. A template that says so
    wants to send them somewhere."""
    texts = (*element.attrib.values(), element.text or "", element.tail or "")
    if any(_OUTSIDE.search(text) for text in texts):
        raise TemplateRefused(
            f"{where} names a variable or a file of this machine (${{env:...}}, ${{file:...}}), "
            "which no template has a reason to"
        )
