from pg.evidence import claims, records
from pg.study.model import Claim

claim = Claim.model_validate_json(snakemake.params.claim)
tables = {
    name: records.read_csv(path) for name, path in zip(snakemake.params.experiments, snakemake.input, strict=True)
}
records.write_csv(claims.evaluate(snakemake.wildcards.claim, claim, tables), snakemake.output[0])
