"""An array with one element a step is as long as its trace has steps: held by a trigger, since it spans two tables."""

from django.db import migrations

CREATE_FUNCTION = """
CREATE FUNCTION gradus_array_matches_trace() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found_length integer;
  num_steps integer;
BEGIN
  EXECUTE pg_catalog.format('SELECT pg_catalog.cardinality(($1).%I)', TG_ARGV[0]) INTO found_length USING NEW;
  SELECT pg_catalog.cardinality(step_ends) INTO num_steps
    FROM annotation_trace WHERE id = NEW.trace_id;
  IF num_steps IS NOT NULL AND found_length IS DISTINCT FROM num_steps THEN
    RAISE EXCEPTION '%.% has % elements but trace % has % steps',
      TG_TABLE_NAME, TG_ARGV[0], found_length, NEW.trace_id, num_steps
      USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
  END IF;
  RETURN NEW;
END
$$;
"""

COLUMNS = [
    ("annotation_rating", "labels"),
    ("annotation_judgescore", "probabilities"),
    ("annotation_gold", "stands"),
    ("annotation_mergedtrace", "posterior"),
]


def _create_trigger(table: str, column: str) -> str:
    return (
        f"CREATE TRIGGER {table}_{column}_match_trace BEFORE INSERT OR UPDATE OF {column}, trace_id ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION gradus_array_matches_trace('{column}');"
    )


class Migration(migrations.Migration):
    dependencies = [("annotation", "0001_initial")]

    operations = [
        migrations.RunSQL(CREATE_FUNCTION, "DROP FUNCTION gradus_array_matches_trace();"),
        *[
            migrations.RunSQL(_create_trigger(table, column), f"DROP TRIGGER {table}_{column}_match_trace ON {table};")
            for table, column in COLUMNS
        ],
    ]
