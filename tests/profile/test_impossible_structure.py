"""Chips that cannot be: cores, widths, tiles, names. One line names the key and the expectation."""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_edits import Edit, add, key, point, refused, swap

IMPOSSIBLE: dict[str, tuple[str, Edit, str]] = {
    "negative barrier in the table": (
        "loihi1",
        swap("{ tiles = 1, us = { value = 0.6", "{ tiles = 1, us = { value = -0.6"),
        "timing.barrier_sync_table.0: us is -0.6, expected 0 to 1e+09",
    ),
    "tiles of 0": (
        "loihi1",
        swap("{ tiles = 1,", "{ tiles = 0,"),
        "timing.barrier_sync_table.0.tiles: 0, input should be greater than or equal to 1",
    ),
    "tiles negative": (
        "loihi1",
        swap("{ tiles = 1,", "{ tiles = -1,"),
        "timing.barrier_sync_table.0.tiles: -1, input should be greater than or equal to 1",
    ),
    "tiles fractional": (
        "loihi1",
        swap("{ tiles = 1,", "{ tiles = 1.5,"),
        "timing.barrier_sync_table.0.tiles: 1.5, input should be a valid integer",
    ),
    "tiles twice": (
        "loihi1",
        swap("{ tiles = 2,", "{ tiles = 1,"),
        "timing: barrier_sync_table has two rows of 1 tiles",
    ),
    "tiles a flag": (
        "loihi1",
        swap("{ tiles = 1,", "{ tiles = true,"),
        "timing.barrier_sync_table.0.tiles: True, input should be a valid integer",
    ),
    "barrier row unknown": (
        "loihi1",
        swap(
            'us = { value = 0.6, grade = "simulated", source = "sanafe_2_2_9" }',
            'us = { grade = "none" }',
        ),
        "timing.barrier_sync_table.0: us is unknown, expected a number",
    ),
    "barrier row without source": (
        "loihi1",
        swap(
            'us = { value = 0.6, grade = "simulated", source = "sanafe_2_2_9" }',
            'us = { value = 0.6, grade = "simulated" }',
        ),
        "timing.barrier_sync_table.0.us: source is missing, expected a key of [citations]",
    ),
    "barrier row unknown key": (
        "loihi1",
        swap("{ tiles = 1,", "{ tile = 1,"),
        "timing.barrier_sync_table.0.tiles: missing, this key is required",
    ),
    "barrier given twice": (
        "loihi1",
        add("timing", "barrier_sync_us = " + point(1.0)),
        "timing: barrier_sync_us and barrier_sync_table both give the barrier",
    ),
    "no cores": (
        "loihi1",
        key("cores_per_chip", point(0)),
        "limits: cores_per_chip is 0, expected a whole number from 1 to 1e+09",
    ),
    "half a core": (
        "loihi1",
        key("cores_per_chip", point(0.5)),
        "limits: cores_per_chip is 0.5, expected a whole number from 1 to 1e+09",
    ),
    "no neurons": (
        "loihi1",
        key("neurons_per_core_max", point(0)),
        "limits: neurons_per_core_max is 0, expected a whole number from 1 to 1e+09",
    ),
    "negative neurons": (
        "loihi1",
        key("neurons_per_core_max", point(-1024)),
        "limits: neurons_per_core_max is -1024, expected a whole number from 1 to 1e+09",
    ),
    "neurons a flag": (
        "loihi1",
        key("neurons_per_core_max", '{ value = true, grade = "measured", source = "blouw_2019" }'),
        "limits.neurons_per_core_max.value: True, input should be a valid number",
    ),
    "neurons a text": (
        "loihi1",
        key(
            "neurons_per_core_max", '{ value = "1024", grade = "measured", source = "blouw_2019" }'
        ),
        "limits.neurons_per_core_max.value: '1024', input should be a valid number",
    ),
    "tiles and cores disagree": (
        "loihi1",
        key("cores_per_tile", point(5)),
        "limits: tiles_per_chip times cores_per_tile is 160, cores_per_chip says 128",
    ),
    "memory disagrees": (
        "loihi1",
        key("synapse_memory_word_bits", point(32)),
        (
            "limits: synapse_memory_words_per_core times synapse_memory_word_bits is 524288, "
            "synapse_memory_bits_per_core says 1.04858e+06"
        ),
    ),
    "mesh disagrees": (
        "loihi1",
        key("width_tiles", point(7)),
        "file: noc: width_tiles times height_tiles is 28, limits.tiles_per_chip says 32",
    ),
    "effective above nominal": (
        "loihi1",
        add("limits", "neurons_per_core_effective_max = " + point(2048)),
        "limits: neurons_per_core_effective_max is 2048, above neurons_per_core_max, 1024",
    ),
    "all cores reserved": (
        "loihi1",
        add("limits", "cores_reserved = " + point(128)),
        "limits: cores_reserved is 128, expected less than cores_per_chip, 128",
    ),
    "weights of 0 bits": (
        "loihi1",
        key("weight_bits", point(0)),
        "precision: weight_bits is 0, expected a whole number from 1 to 64",
    ),
    "weights of 1000 bits": (
        "loihi1",
        key("weight_bits", point(1000)),
        "precision: weight_bits is 1000, expected a whole number from 1 to 64",
    ),
    "fractional bits": (
        "loihi1",
        key("decay_bits", point(12.5)),
        "precision: decay_bits is 12.5, expected a whole number from 1 to 64",
    ),
    "delays backwards": (
        "loihi1",
        add("precision", "delay_min_steps = " + point(63)),
        "precision: delay_min_steps is 63, above delay_max_steps, 62",
    ),
    "negative delay": (
        "loihi1",
        key("delay_max_steps", point(-1)),
        "precision: delay_max_steps is -1, expected a whole number from 0 to 1e+06",
    ),
    "even a number": (
        "loihi1",
        key("weight_even_when_mixed", "1"),
        "precision.weight_even_when_mixed: 1, input should be a valid boolean",
    ),
    "unknown sign mode": (
        "loihi1",
        key("weight_sign_modes", '["both"]'),
        (
            "precision.weight_sign_modes.0: 'both', input should be 'mixed', 'excitatory' or "
            "'inhibitory'"
        ),
    ),
    "empty neuron model": (
        "loihi1",
        key("neuron_models", '[""]'),
        "precision.neuron_models.0: '', string should have at least 1 character",
    ),
    "half a mesh": (
        "loihi1",
        key("height_tiles", point(0)),
        "noc: height_tiles is 0, expected a whole number from 1 to 1e+09",
    ),
    "multicast a number": (
        "loihi1",
        key("multicast", "0"),
        "noc.multicast: 0, input should be a valid boolean",
    ),
    "topology unknown": (
        "loihi1",
        key("topology", '"grid"'),
        "noc.topology: 'grid', input should be 'mesh', 'torus', 'tree', 'crossbar' or 'none'",
    ),
    "schema a flag": (
        "loihi1",
        key("schema_version", "true"),
        "identity.schema_version: True is no number",
    ),
    "schema of later": (
        "loihi1",
        key("schema_version", "2"),
        "identity.schema_version: 2, input should be 1",
    ),
    "name empty": (
        "loihi1",
        key("name", '""'),
        "identity.name: '', string should have at least 1 character",
    ),
    "process of 0": (
        "loihi1",
        key("process_nm", "0"),
        "identity.process_nm: 0, input should be greater than 0",
    ),
    "year a text": (
        "loihi1",
        key("year", '"2018"'),
        "identity.year: '2018', input should be a valid integer",
    ),
    "year before chips": (
        "loihi1",
        key("year", "18"),
        "identity.year: 18, input should be greater than or equal to 1950",
    ),
    "citation empty": (
        "loihi1",
        key("davies_2018", '""'),
        "citations.davies_2018: '', string should have at least 1 character",
    ),
    "source empty": (
        "loihi1",
        swap('["davies_2018", "sanafe_2_2_9"]', '["", "sanafe_2_2_9"]'),
        "energy.spike_local_pj: source is missing, expected a key of [citations]",
    ),
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_it_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    shipped, edit, message = IMPOSSIBLE[name]
    assert refused(shipped, edit, tmp_path) == message
