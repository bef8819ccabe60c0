"""Proof: which samples no perturbation within a budget can change, on the chip's own integers.

    prover = Prover(subject)
    found = prover.prove(slice(0, 100), (2, 8))       # budgets in steps of the data
    found.verdict, found.method, found.margin         # (2, 100) each

What a certificate claims and stores stands in `neurodeploy.certificates`, beside the checker, which
shares no code with this room.
"""
