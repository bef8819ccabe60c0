"""Certificates: what they claim, the file that holds them, and a checker that trusts neither.

The checker (`neurodeploy.certificates.check`) re-derives every claim from the Program and the data
in the file. It uses the records of a Program, their integer arithmetic, the encoders and the
simulator; of the prover (`neurodeploy.certify`, `neurodeploy.bounds`) it uses nothing.
"""
