# The workflow is in workflow/, where Snakemake's catalogue looks for it. `include:` would drop its default target.
workflow.include("workflow/Snakefile", overwrite_default_target=True)
