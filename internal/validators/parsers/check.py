"""Reads documents back with the libraries that their formats' users have.

Standard input is a JSON list of {"kind", "text"}; standard output a list of
{"ok", "error", ...} with what was read.
"""
import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from prov.model import ProvActivity, ProvAgent, ProvDocument, ProvElement, ProvEntity


def prov(text):
    """Reads PROV-JSON: elements and relations by their types, and whether writing
    and reading again gives the same."""
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
    """Holds an ML-BOM to the published schema, unknown members refused."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise ValueError(str(error)[:2000])
    return {}


def check(case):
    try:
        return {"ok": True, **{"prov": prov, "cyclonedx": cyclonedx}[case["kind"]](case["text"])}
    except Exception as e:  # Whatever a library refuses with is its answer.
        return {"ok": False, "error": "%s: %s" % (type(e).__name__, e)}


json.dump([check(case) for case in json.load(sys.stdin)], sys.stdout)
