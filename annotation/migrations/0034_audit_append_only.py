"""The audit log only grows: the database itself refuses to change it, whatever the application does."""

import django.db.models.deletion
from django.db import migrations, models

CREATE_FUNCTION = """
CREATE FUNCTION gradus_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
"""
CREATE_TRIGGERS = """
CREATE TRIGGER annotation_auditevent_keeps_rows BEFORE UPDATE OR DELETE ON annotation_auditevent
  FOR EACH ROW EXECUTE FUNCTION gradus_refuses_change();
CREATE TRIGGER annotation_auditevent_keeps_all BEFORE TRUNCATE ON annotation_auditevent
  FOR EACH STATEMENT EXECUTE FUNCTION gradus_refuses_change();
"""
DROP_TRIGGERS = """
DROP TRIGGER annotation_auditevent_keeps_rows ON annotation_auditevent;
DROP TRIGGER annotation_auditevent_keeps_all ON annotation_auditevent;
"""


class Migration(migrations.Migration):
    dependencies = [("annotation", "0030_dry_run")]

    operations = [
        migrations.AlterField(
            model_name="auditevent",
            name="project",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="annotation.project"
            ),
        ),
        migrations.RunSQL(CREATE_FUNCTION, "DROP FUNCTION gradus_refuses_change();"),
        migrations.RunSQL(CREATE_TRIGGERS, DROP_TRIGGERS),
    ]
