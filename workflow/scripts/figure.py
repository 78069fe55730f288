from pg import studio

tables = {name: path for name, path in snakemake.input.items() if name != "choices"}
studio.draw(
    {
        "study": snakemake.params.study,
        "tables": tables,
        "choices": list(snakemake.input.get("choices", [])),
        "outputs": dict(snakemake.output.items()),
    }
)
