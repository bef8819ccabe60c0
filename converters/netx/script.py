"""The script beside a NetX file that runs it in Lava the way the Program means it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from neurodeploy.converters.netx.blocks import Block
from neurodeploy.converters.netx.image import averaged, layers
from neurodeploy.program import Input, Program


@dataclass(frozen=True)
class Recipe:
    """What a user of Lava must know about a NetX file that the file cannot say.

    drive : what the input feeds: ``"synapse"`` (``net.inp``), or the ``"current"`` or ``"bias"``
        of the input block's neurons. output : variable of the last layer to read.
    reset_offset : argument of netx for samples that begin at row 0 of the input.
    num_layers : argument of netx that leaves out a layer ``average``, which it cannot load.
    latency_steps : row r of the output answers row r - latency_steps of the input, delays aside.
    """

    drive: str
    output: str
    message_bits: int
    spike_exp: int
    reset_interval: int | None
    reset_offset: int
    latency_steps: int
    num_layers: int | None = None


def recipe(
    program: Program, chain: tuple[Block, ...], spike_exp: int, reset_interval: int | None
) -> Recipe:
    """Return the `Recipe` of a chain: netx is one step early unless an input block comes first."""
    first = chain[0]
    block_first = first.kind == "input"
    drive = "synapse"
    if block_first:
        drive = "bias" if first.forward[0].port == "bias" else "current"
    last = program.readout.population == chain[-1].population.name
    output = program.readout.variable if last and program.readout.variable in "uv" else "s"
    return Recipe(
        drive=drive,
        output=output,
        message_bits=program.inputs[0].message_bits,
        spike_exp=spike_exp,
        reset_interval=reset_interval,
        reset_offset=0 if block_first else 1,
        latency_steps=len(chain) - 1 if block_first else len(chain),
        num_layers=len(layers(program, chain)) - 1 if averaged(program, chain) else None,
    )


def script_path(path: Path) -> Path:
    """Return the path of the script that belongs to a NetX file."""
    return path.with_name(f"{path.stem}_run.py")


def script(path: Path, node: Input, chain: tuple[Block, ...], digest: str, how: Recipe) -> str:
    """Return the text of the run script."""
    return _TEMPLATE.substitute(
        title=path.name.replace("\\", "_").replace('"', "_"),
        script=script_path(path).name.replace("\\", "_").replace('"', "_"),
        name=repr(path.name),
        digest=digest,
        input_shape=node.shape,
        input_axes=", ".join(str(size) for size in ("steps", *node.shape)),
        output_shape=chain[-1].population.shape,
        output_axes=", ".join(str(size) for size in ("steps", *chain[-1].population.shape)),
        drive=repr(how.drive),
        output=repr(how.output),
        message_bits=how.message_bits,
        spike_exp=how.spike_exp,
        reset_interval=how.reset_interval,
        reset_offset=how.reset_offset,
        latency=how.latency_steps,
        num_layers=how.num_layers,
    )


_TEMPLATE = Template('''\
"""Run $title in Lava and save what its last layer gives.

    python $script input.npy output.npy [--steps N]

input.npy   integers ($input_axes), one row for each time step
output.npy  integers ($output_axes)

Needs Python 3.10 with lava-nc 0.10 and lava-dl 0.6. Written by neurodeploy for the network with
digest $digest.
"""

import argparse
import math
from pathlib import Path

import numpy as np

NETWORK = Path(__file__).with_name($name)
INPUT_SHAPE = $input_shape
OUTPUT_SHAPE = $output_shape
# What the input feeds: "synapse" (net.inp), or "current" or "bias" of the input block's neurons,
# which net.inp does not reach.
DRIVE = $drive
OUTPUT = $output  # variable of the last layer
MESSAGE_BITS = $message_bits  # 0: any non-zero input is one event; above 0: the values count
SPIKE_EXP = $spike_exp  # fraction bits of sigma-delta messages
# Samples of RESET_INTERVAL rows follow each other. A network that begins with weights sees its
# first data one step later than netx assumes, hence an offset of 1.
RESET_INTERVAL = $reset_interval
RESET_OFFSET = $reset_offset
NUM_LAYERS = $num_layers  # layers of the file that netx knows, None: all
LATENCY = $latency  # row r of the output answers row r - LATENCY of the input, delays aside


def load_input(path, steps):
    """Return int (steps, *INPUT_SHAPE): cut, or filled with zeros to flush the pipeline."""
    x = np.load(path)
    if x.dtype.kind not in "iub" or x.shape[1:] not in (INPUT_SHAPE, (math.prod(INPUT_SHAPE),)):
        raise SystemExit(
            f"{path}: has dtype {x.dtype} and shape {x.shape}, expected integers "
            f"(steps, {', '.join(map(str, INPUT_SHAPE))})"
        )
    steps = len(x) if steps is None else steps
    if steps < 1:
        raise SystemExit(f"{path}: gives {steps} steps, expected at least 1")
    rows = np.zeros((steps, *INPUT_SHAPE), dtype=np.int32)
    rows[: len(x)] = x[:steps].reshape(-1, *INPUT_SHAPE)
    return rows


def to_lava(rows, shape):
    """(steps, C, H, W) to (W, H, C, steps), or (steps, N) to (N, steps)."""
    return rows.reshape(len(rows), -1).T if len(shape) == 1 else rows.transpose(3, 2, 1, 0)


def run(rows):
    """Return int (steps, *OUTPUT_SHAPE), row t - 1 is what Lava has at step t."""
    from lava.lib.dl import netx
    from lava.magma.core.run_conditions import RunSteps
    from lava.magma.core.run_configs import Loihi2SimCfg
    from lava.proc import io
    from lava.proc.monitor.process import Monitor

    net = netx.hdf5.Network(
        net_config=str(NETWORK),
        num_layers=NUM_LAYERS,
        input_message_bits=MESSAGE_BITS,
        reset_interval=RESET_INTERVAL,
        reset_offset=RESET_OFFSET,
        spike_exp=SPIKE_EXP,
    )
    steps = len(rows)
    last = net.out_layer.neuron
    sink = io.sink.RingBuffer(shape=net.out.shape, buffer=steps)
    net.out.connect(sink.a_in)
    monitor = Monitor()
    if OUTPUT != "s":
        monitor.probe(getattr(last, OUTPUT), steps)
    config = Loihi2SimCfg(select_tag="fixed_pt")
    try:
        if DRIVE == "bias":
            run_on_bias(net, rows, RunSteps(num_steps=1), config)
        else:
            port = net.inp if DRIVE == "synapse" else net.in_layer.neuron.a_in
            source = io.source.RingBuffer(data=to_lava(rows, port.shape))
            source.s_out.connect(port)
            net.run(condition=RunSteps(num_steps=steps), run_cfg=config)
        if OUTPUT == "s":
            result = np.moveaxis(sink.data.get(), -1, 0)
        else:
            result = monitor.get_data()[last.name][OUTPUT]
    finally:
        net.stop()
    axes = (0, *range(result.ndim - 1, 0, -1))
    return np.rint(result).astype(np.int32).transpose(axes).reshape(steps, *OUTPUT_SHAPE)


def run_on_bias(net, rows, one_step, config):
    """Step by step, each row put into the bias of the input block's neurons."""
    bias = net.in_layer.neuron.bias_mant
    frames = np.moveaxis(to_lava(rows, bias.shape), -1, 0)
    bias.init = frames[0].astype(np.int32)
    for t, frame in enumerate(frames):
        if t and np.any(frame != frames[t - 1]):
            bias.set(np.ascontiguousarray(frame))
        net.run(condition=one_step, run_cfg=config)


def main():
    """Read the arguments, run, save."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("input", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--steps", type=int, help="time steps, default: the rows of the input")
    arguments = parser.parse_args()
    result = run(load_input(arguments.input, arguments.steps))
    np.save(arguments.output, result)
    print(f"{arguments.output}: {result.shape}, {np.count_nonzero(result)} non-zero values")


if __name__ == "__main__":
    main()
''')
