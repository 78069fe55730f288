"""Policy gradients, measured: the claims of a lecture on policy gradients, tested on data that a run makes itself."""

import os
import platform

# NumPy, torch and their libraries of products and elementary functions have code of their own for each processor, which
# rounds differently. With these settings they run that of any x86-64 processor with AVX2: the same bytes everywhere.
# They count only if they precede the imports, so `pg` is imported before NumPy and torch.
if platform.machine() in ("x86_64", "AMD64"):
    for name, value in (
        ("ATEN_CPU_CAPABILITY", "avx2"),
        ("MKL_CBWR", "COMPATIBLE"),
        ("OPENBLAS_CORETYPE", "Haswell"),
        ("NPY_DISABLE_CPU_FEATURES", "X86_V4 AVX512_ICL AVX512_SPR"),
    ):
        os.environ.setdefault(name, value)
