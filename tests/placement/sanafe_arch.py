"""A profile as an architecture file of SANA-FE: the same constants at their middle."""

from __future__ import annotations

from neurodeploy.profile import ChipProfile


def architecture(profile: ChipProfile) -> str:
    """Return the YAML text. Its tiles stand column by column, those of a profile row by row.

    Every soma replays the spikes of one neuron; its update takes ``neuron_update_ns``.
    """
    timing, energy = profile.timing, profile.energy

    def ns(key: str) -> float:
        quantity = getattr(timing, key)
        return 0.0 if quantity is None else quantity.bounds[1] * 1e-9

    def pj(key: str) -> float:
        quantity = getattr(energy, key)
        return 0.0 if quantity is None else quantity.bounds[1] * 1e-12

    width, height = (int(q.bounds[1]) for q in (profile.noc.width_tiles, profile.noc.height_tiles))
    per_tile = int(profile.limits.cores_per_tile.bounds[1])
    hops = "\n".join(
        f"        energy_{way}_hop: {pj(f'hop_{axis}_pj')}\n"
        f"        latency_{way}_hop: {ns(f'hop_{axis}_ns')}"
        for way, axis in (
            ("north", "vertical"),
            ("south", "vertical"),
            ("east", "horizontal"),
            ("west", "horizontal"),
        )
    )
    return f"""architecture:
  name: placed
  attributes:
    topology: mesh
    width: {width}
    height: {height}
    link_buffer_size: 16
    sync_model: fixed
    latency_sync: 0.0
  tile:
    - name: tile[0..{width * height - 1}]
      attributes:
{hops}
      core:
        - name: core[0..{per_tile - 1}]
          attributes:
            buffer_position: soma
            buffer_inside_unit: false
            max_neurons_supported: 100000
          axon_in:
            - name: axon_in
              attributes:
                energy_message_in: 0.0
                latency_message_in: {ns("axon_in_ns")}
          synapse:
            - name: synapse
              attributes:
                model: current_based
                energy_process_spike: {pj("synop_pj")}
                latency_process_spike: {ns("synop_ns")}
          dendrite:
            - name: dendrite
              attributes:
                model: accumulator
                energy_update: 0.0
                latency_update: 0.0
          soma:
            - name: soma[0..1023]
              attributes:
                model: input
                energy_access_neuron: 0.0
                latency_access_neuron: 0.0
                energy_update_neuron: 0.0
                latency_update_neuron: {ns("neuron_update_ns")}
                energy_spike_out: {pj("spike_pj")}
                latency_spike_out: {ns("spike_out_ns")}
          axon_out:
            - name: axon_out
              attributes:
                energy_message_out: {pj("axon_out_pj")}
                latency_message_out: {ns("axon_out_ns")}
"""
