"""What napari is told about the plugin is true."""

from __future__ import annotations

from importlib import import_module
from importlib.resources import files
from pathlib import Path
from xml.etree import ElementTree

import pytest
from npe2 import PluginManifest

import napari_denoisplit

MANIFEST = Path(napari_denoisplit.__file__).with_name("napari.yaml")


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_file(MANIFEST)


def test_the_installed_entry_point_leads_to_the_manifest(manifest):
    found = PluginManifest.from_distribution("napari-denoisplit")
    assert found.contributions == manifest.contributions


def test_the_manifest_bears_the_name_of_the_distribution(manifest):
    assert manifest.name == "napari-denoisplit"


def test_the_icon_is_a_drawing_that_comes_along(manifest):
    package, name = manifest.icon.split(":")
    drawing = files(package).joinpath(name).read_text(encoding="utf-8")
    assert ElementTree.fromstring(drawing).tag == "{http://www.w3.org/2000/svg}svg"


def test_every_command_leads_to_something_that_can_be_called(manifest):
    for command in manifest.contributions.commands or []:
        module, name = command.python_name.split(":")
        assert callable(getattr(import_module(module), name)), command.id


def test_every_command_is_reachable(manifest):
    contributions = manifest.contributions
    used = {
        item.command
        for group in (contributions.widgets, contributions.writers, contributions.readers)
        for item in group or []
    }
    used |= {item.command for item in contributions.sample_data or []}
    used |= {item.command for item in contributions.menus["napari-denoisplit.menu"]}
    assert {command.id for command in contributions.commands or []} == used


def test_the_link_at_the_top_shows_the_manifest_of_the_package(repository):
    assert (repository / "napari.yaml").read_text() == MANIFEST.read_text()


def test_defaults_of_the_preferences_are_those_of_the_settings(manifest):
    from napari_denoisplit.settings import SplitSettings

    compute = manifest.contributions.configurations["compute"]
    for name, preference in compute.properties.items():
        assert preference.default == SplitSettings.model_fields[name].default
