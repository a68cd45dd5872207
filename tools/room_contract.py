# SPDX-License-Identifier: GPL-3.0-or-later
"""The import contract of a room, as an allow-list: it may import itself, Python's own library, and what it names.

import-linter's own contracts are lists of what is forbidden, where each new library would be allowed everywhere.
A name allows the module and what is inside it, but "brender" alone only the package's own file.
"""

import sys

import grimp
from importlinter import Contract, ContractCheck, fields, output

Link = tuple[str, str, int]


class RoomContract(Contract):
    """One room of `[tool.importlinter]` in pyproject.toml."""

    type_name = "room"

    room = fields.StringField()
    may_import = fields.ListField(subfield=fields.StringField())

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        """Broken by each import, direct ones only: what an allowed room imports is that room's contract."""
        room = str(self.room)
        if room not in graph.modules:
            return ContractCheck(kept=True, warnings=[f"{room} is not there yet"])
        links = [link for module in _inside(graph, room) for link in self._refused(graph, module)]
        return ContractCheck(kept=not links, metadata={"links": sorted(links)})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """A line for each import that is not allowed, with its place."""
        for importer, imported, line in check.metadata["links"]:
            output.print_error(f"{importer}:{line} imports {imported}, which is not for {self.room}")

    def _refused(self, graph: grimp.ImportGraph, module: str) -> list[Link]:
        imported = graph.find_modules_directly_imported_by(module)
        return [(module, name, _line(graph, module, name)) for name in imported if not self._allows(name)]

    def _allows(self, name: str) -> bool:
        allowed = [str(self.room), *map(str, self.may_import)]
        return name.split(".")[0] in sys.stdlib_module_names or any(_covers(given, name) for given in allowed)


def _covers(given: str, name: str) -> bool:
    return name == given or (given != "brender" and name.startswith(f"{given}."))


def _inside(graph: grimp.ImportGraph, room: str) -> set[str]:
    return {room} | set(graph.find_descendants(room))


def _line(graph: grimp.ImportGraph, importer: str, imported: str) -> int:
    details = graph.get_import_details(importer=importer, imported=imported)
    return int(details[0]["line_number"]) if details else 0
