"""Reads documents back with the libraries that users have for their formats.

Standard input is a JSON list of {"kind", "text"}; standard output a list of
{"ok", "error", ...} with the contents of each document.
"""
import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_python_model import v3_0_1 as spdx3
from prov.model import ProvActivity, ProvAgent, ProvDocument, ProvElement, ProvEntity


def prov(text):
    """Reads PROV-JSON. Returns its elements and relations, and whether writing it and
    reading it again gives an equal document."""
    document = ProvDocument.deserialize(content=text, format="json")
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    elements, relations = {}, []
    for record in document.get_records():
        if isinstance(record, ProvElement):
            kind = {ProvEntity: "entity", ProvActivity: "activity", ProvAgent: "agent"}[type(record)]
            elements[str(record.identifier)] = {
                "kind": kind,
                "label": str(record.label),
                "types": [str(t) for t in record.get_asserted_types()],
            }
        else:
            ends = [str(value) for _, value in record.formal_attributes if value is not None]
            relations.append({
                "kind": type(record).__name__,
                "from": ends[0],
                "to": ends[1],
                "types": [str(t) for t in record.get_asserted_types()],
            })
    for relation in relations:
        for end in (relation["from"], relation["to"]):
            if end not in elements:
                raise ValueError("a relation leads to %s, which is not declared" % end)
    return {"elements": elements, "relations": relations, "same": document == again}


def cyclonedx(text):
    """Validates an ML-BOM against the published schema; unknown members are errors.
    Reads it, writes it again, and returns whether what it wrote is valid and equal."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)
    error = validator.validate_str(text)
    if error is not None:
        raise ValueError(str(error)[:2000])
    bom = Bom.from_json(json.loads(text))
    written = JsonV1Dot6(bom).output_as_string()
    error = validator.validate_str(written)
    if error is not None:
        raise ValueError("written again: " + str(error)[:2000])
    return {"same": Bom.from_json(json.loads(written)) == bom}


def spdx(text):
    """Reads SPDX 3.0 with the bindings that are made from its model: unknown members and values are
    errors. Writes it again, which fails for what is missing. Returns elements and relations; a relation
    to what is not declared is an error."""
    objects = spdx3.SHACLObjectSet()
    spdx3.JSONLDDeserializer().deserialize_data(json.loads(text), objects)
    missing = objects.link()
    if missing:
        raise ValueError("not declared: %s" % sorted(map(str, missing)))
    spdx3.JSONLDSerializer().serialize_data(objects)
    elements, relations = {}, []
    for o in objects.foreach_type(spdx3.Relationship):
        for to in o.to:
            relations.append({"kind": str(o.relationshipType).rsplit("/", 1)[-1], "from": o.from_._id, "to": to._id, "types": []})
    for o in objects.foreach_type(spdx3.Element):
        if not isinstance(o, spdx3.Relationship):
            elements[o._id] = {"kind": type(o).__name__, "label": o.name or "", "types": []}
    return {"elements": elements, "relations": relations, "same": True}


def check(case):
    try:
        return {"ok": True, **{"prov": prov, "cyclonedx": cyclonedx, "spdx": spdx}[case["kind"]](case["text"])}
    except Exception as e:  # A library may reject a document with any exception.
        return {"ok": False, "error": "%s: %s" % (type(e).__name__, e)}


json.dump([check(case) for case in json.load(sys.stdin)], sys.stdout)
