"""The colocation experiment that deploy/demo.sh runs: an online web service beside batch work, with and without
Tideline, on this very host."""
