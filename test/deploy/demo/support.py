import os
import sys

sys.dont_write_bytecode = True
SOURCE = os.environ.get("TIDELINE_SOURCE") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__)))))
BIN = os.environ.get("TIDELINE_BIN", f"{SOURCE}/build/release/bin")
sys.path.insert(0, f"{SOURCE}/deploy/demo")
