from pg.evidence import claims, records

records.write_csv(claims.adjust([records.read_csv(path) for path in snakemake.input]), snakemake.output[0])
