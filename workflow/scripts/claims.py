from pg.evidence import claims, logs, records

logs.log_to(snakemake.log[0])
records.write_csv(claims.adjust([records.read_csv(path) for path in snakemake.input]), snakemake.output[0])
