"""Run NetX files in lava-dl's own loader; a script for the Python that has Lava.

    python netx_in_lava.py JOB.json

JOB.json: a list of {"network", "options", "input", "output"}: file, arguments of
`netx.hdf5.Network`, array (steps, ...) in C,H,W order, and where the output goes in the same order.
"""

import json
import sys
from pathlib import Path

import numpy as np
from lava.lib.dl import netx
from lava.lib.dl.netx.blocks.process import Input
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc import io

CONFIG = Loihi2SimCfg(select_tag="fixed_pt")


def run(network, options, rows):
    net = netx.hdf5.Network(net_config=network, **options)
    port = net.in_layer.neuron.a_in if isinstance(net.in_layer, Input) else net.inp
    if len(port.shape) == 1:
        rows = rows.reshape(len(rows), -1)
    source = io.source.RingBuffer(data=rows.T.reshape(*port.shape, len(rows)))
    sink = io.sink.RingBuffer(shape=net.out.shape, buffer=len(rows))
    source.s_out.connect(port)
    net.out.connect(sink.a_in)
    try:
        net.run(condition=RunSteps(num_steps=len(rows)), run_cfg=CONFIG)
        data = sink.data.get()
    finally:
        net.stop()
    return data.T.astype(np.int64)


if __name__ == "__main__":
    for job in json.loads(Path(sys.argv[1]).read_text()):
        result = run(job["network"], job["options"], np.load(job["input"]))
        np.save(job["output"], result)
        print("done", job["network"], flush=True)
