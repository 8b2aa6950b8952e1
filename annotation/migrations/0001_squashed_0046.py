"""The tables as they were after forty-six steps, made in one: what a new installation begins with.

An installation that has taken those steps counts as having taken this; one in the middle of them takes the rest.
"""

import annotation.models.database_rules
import annotation.models.project
import django.contrib.auth.models
import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

# Functions that constraints call. IMMUTABLE, and they look only at their arguments; their bodies name the
# catalog's own functions in full, since a restore runs them with an empty search path.
FUNCTIONS = """
CREATE FUNCTION gradus_steps_are_lossless(ends integer[], completion text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN pg_catalog.cardinality(ends) = 0 THEN false
    ELSE ends[pg_catalog.cardinality(ends)] = pg_catalog.char_length(completion)
      AND pg_catalog.array_position(ends, NULL) IS NULL
      AND NOT EXISTS (
        SELECT 1 FROM pg_catalog.unnest(ends) WITH ORDINALITY AS step(step_end, place)
        WHERE step_end <= COALESCE(ends[place - 1], 0)
      )
  END
$$;
CREATE FUNCTION gradus_labels_are_ratings(labels smallint[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.cardinality(labels) > 0 AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.unnest(labels) AS label WHERE label NOT BETWEEN -1 AND 1
  )
$$;
CREATE FUNCTION gradus_are_probabilities(p double precision[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.cardinality(p) > 0 AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.unnest(p) AS value WHERE NOT (value >= 0 AND value <= 1)
  )
$$;
"""
DROP_FUNCTIONS = """
DROP FUNCTION gradus_are_probabilities(double precision[]);
DROP FUNCTION gradus_labels_are_ratings(smallint[]);
DROP FUNCTION gradus_steps_are_lossless(integer[], text);
"""

# An array with one element a step is as long as its trace has steps: a trigger, since it spans two tables.
MATCHES_TRACE = """
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
ONE_A_STEP = (
    ("annotation_rating", "labels"),
    ("annotation_judgescore", "probabilities"),
    ("annotation_gold", "stands"),
    ("annotation_mergedtrace", "posterior"),
    ("annotation_practiceanswer", "labels"),
    ("annotation_decision", "labels"),
)

# The audit log only grows: the database itself refuses to change it, whatever the application does.
APPEND_ONLY = """
CREATE FUNCTION gradus_refuses_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER annotation_auditevent_keeps_rows BEFORE UPDATE OR DELETE ON annotation_auditevent
  FOR EACH ROW EXECUTE FUNCTION gradus_refuses_change();
CREATE TRIGGER annotation_auditevent_keeps_all BEFORE TRUNCATE ON annotation_auditevent
  FOR EACH STATEMENT EXECUTE FUNCTION gradus_refuses_change();
"""
CHANGEABLE = """
DROP TRIGGER annotation_auditevent_keeps_rows ON annotation_auditevent;
DROP TRIGGER annotation_auditevent_keeps_all ON annotation_auditevent;
DROP FUNCTION gradus_refuses_change();
"""

# Failed items of chunks as rows.
VIEWS = """
    CREATE VIEW annotation_batchfailure AS
    SELECT chunk.id * 100000 + item.place AS id,
        chunk.batch_id,
        (item.failure ->> 'prompt_id')::bigint AS prompt_id,
        (item.failure ->> 'sample_index')::integer AS sample_index,
        item.failure ->> 'reason' AS reason
    FROM annotation_generationchunk AS chunk,
        jsonb_array_elements(chunk.failures) WITH ORDINALITY AS item(failure, place);
    CREATE VIEW annotation_judgefailure AS
    SELECT chunk.id * 100000 + item.place AS id,
        chunk.run_id,
        (item.failure ->> 'trace_id')::bigint AS trace_id,
        item.failure ->> 'reason' AS reason
    FROM annotation_judgechunk AS chunk,
        jsonb_array_elements(chunk.failures) WITH ORDINALITY AS item(failure, place);
"""


def _match_trace(table: str, column: str) -> migrations.RunSQL:
    name = f"{table}_{column}_match_trace"
    return migrations.RunSQL(
        f"CREATE TRIGGER {name} BEFORE INSERT OR UPDATE OF {column}, trace_id ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION gradus_array_matches_trace('{column}');",
        f"DROP TRIGGER {name} ON {table};",
    )


class Migration(migrations.Migration):

    replaces = [
        ('annotation', '0001_initial'),
        ('annotation', '0002_arrays_match_their_trace'),
        ('annotation', '0003_scores_shown'),
        ('annotation', '0004_merge_says_on_what_it_rests'),
        ('annotation', '0005_error_categories_rewrites_and_keys'),
        ('annotation', '0006_gold_and_priorities'),
        ('annotation', '0007_quality_reports'),
        ('annotation', '0008_account_language'),
        ('annotation', '0009_chat_template_and_fold'),
        ('annotation', '0010_lease_ahead'),
        ('annotation', '0011_practice_and_alternatives'),
        ('annotation', '0012_decisions_and_appeals'),
        ('annotation', '0013_servers_judges_and_budgets'),
        ('annotation', '0014_imports'),
        ('annotation', '0015_rating_by_time'),
        ('annotation', '0016_token_scopes_and_languages'),
        ('annotation', '0017_judges_see_reference'),
        ('annotation', '0030_dry_run'),
        ('annotation', '0034_audit_append_only'),
        ('annotation', '0040_process_reward_models_on_servers'),
        ('annotation', '0041_tokens_return_rollouts'),
        ('annotation', '0045_failed_items'),
        ('annotation', '0046_dry_run_says_why_not_checked'),
        ('annotation', '0046_import_rows_there_already'),
    ]

    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        migrations.RunSQL(FUNCTIONS, DROP_FUNCTIONS),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('display_name', models.CharField(blank=True, max_length=120)),
                ('language', models.CharField(blank=True, help_text="Of the pages; the browser's own choice where it is empty.", max_length=10)),
                ('is_simulated', models.BooleanField(default=False, help_text='A simulated rater: its ratings were drawn by a program, and every page says so.')),
                ('key_bindings', models.JSONField(blank=True, default=dict, help_text='Keys of the rating page where they are not the default: {command: [keys]}.')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'constraints': [models.CheckConstraint(condition=models.Q(('is_simulated', False), models.Q(('is_staff', False), ('is_superuser', False)), _connector='OR'), name='account_simulated_is_never_staff')],
            },
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='ModelSpec',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=120, unique=True)),
                ('backend', models.CharField(choices=[('transformers', 'Language model, in the worker'), ('server', 'Language model, on a server'), ('prm', 'Process reward model, in the worker'), ('prm_server', 'Process reward model, on a server')], default='transformers', max_length=20)),
                ('location', models.CharField(help_text='A folder, a GGUF file, a hub name, "shipped" for what comes with the product; for a server the name that it serves the model by.', max_length=400)),
                ('revision', models.CharField(blank=True, help_text='What identifies the weights; known once they were opened.', max_length=80)),
                ('address', models.CharField(blank=True, help_text="Where a server's API is, as in http://gpu1:8000/v1.", max_length=400)),
                ('key_variable', models.CharField(blank=True, help_text="Name of the environment variable that holds the server's key.", max_length=80)),
                ('price_per_million_prompt_tokens', models.DecimalField(decimal_places=4, default=Decimal('0'), help_text='In US dollars.', max_digits=12)),
                ('price_per_million_tokens', models.DecimalField(decimal_places=4, default=Decimal('0'), help_text='Of those it writes, in US dollars.', max_digits=12)),
                ('max_in_flight', models.PositiveSmallIntegerField(default=32, help_text='How many requests one worker has on the way to a server at a time.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1024)])),
                ('timeout_seconds', models.PositiveSmallIntegerField(default=120, help_text='How long a server may take for one request.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3600)])),
                ('note', models.TextField(blank=True, help_text='What people should know before they trust it; shown wherever it is.')),
                ('created_at', models.DateTimeField()),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('backend__in', ['transformers', 'server', 'prm', 'prm_server'])), name='model_spec_backend_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('backend__in', ('server', 'prm_server')), models.Q(('address', ''), _negated=True)), models.Q(models.Q(('backend__in', ('server', 'prm_server')), _negated=True), ('address', ''), ('key_variable', '')), _connector='OR'), name='model_spec_servers_have_an_address'), models.CheckConstraint(condition=models.Q(('price_per_million_prompt_tokens__gte', 0), ('price_per_million_tokens__gte', 0)), name='model_spec_prices_are_not_negative'), models.CheckConstraint(condition=models.Q(('max_in_flight__gte', 1), ('timeout_seconds__gte', 1)), name='model_spec_limits_are_positive')],
            },
        ),
        migrations.CreateModel(
            name='ModelTrial',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('is_on_server', models.BooleanField(default=False)),
                ('num_prompt_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model read for it, failures included.')),
                ('num_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model wrote for it, failures included.')),
                ('text', models.TextField(help_text='What the model was told.')),
                ('answer', models.TextField(blank=True)),
                ('finish_reason', models.CharField(blank=True, max_length=20)),
                ('mean_logprob', models.FloatField(blank=True, null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('model_spec', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='trials', to='annotation.modelspec')),
            ],
            options={
                'ordering': ['-queued_at'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='modeltrial_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='modeltrial_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='modeltrial_finished_has_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Project',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(max_length=60, unique=True)),
                ('name', models.CharField(max_length=120)),
                ('description', models.TextField(blank=True)),
                ('guidelines', models.TextField(blank=True, help_text='Markdown, shown beside every trace.')),
                ('overlap', models.PositiveSmallIntegerField(default=2, help_text='How many raters rate each trace.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)])),
                ('stop_at_first_error', models.BooleanField(default=True, help_text="Steps after the first bad one stay not judged (PRM800K's way).")),
                ('can_rate_rest_good', models.BooleanField(default=True, help_text='One key rates all remaining steps good.')),
                ('error_categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), blank=True, default=annotation.models.project.default_error_categories, help_text='What a rater may say of a bad step, in the order shown; none turns it off.', size=None)),
                ('shows_reference', models.BooleanField(default=True, help_text='Raters see the reference answer, which is a best guess.')),
                ('judges_see_reference', models.BooleanField(default=True, help_text='Judges that want the reference answer are told it.')),
                ('shows_scores_after', models.BooleanField(default=True, help_text='After submitting, raters see what the judges thought.')),
                ('assisted_share', models.FloatField(default=0.0, help_text='Share of assignments, drawn at random, in which judge scores show before rating.', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('lease_minutes', models.PositiveIntegerField(default=30, help_text='How long a trace stays with a rater who does nothing.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1440)])),
                ('amend_minutes', models.PositiveIntegerField(default=60, help_text='How long after submitting a rater may amend a rating.')),
                ('forbids_own_prompts', models.BooleanField(default=False, help_text='Nobody is handed a trace of a prompt that they added themselves.')),
                ('gold_share', models.FloatField(default=0.05, help_text='Share of assignments, drawn at random, that are gold while a rater has some left.', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('gold_threshold', models.FloatField(blank=True, help_text='A rater whose accuracy on recent gold is below it is paused; none: nobody is.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('gold_window', models.PositiveSmallIntegerField(default=10, help_text="How many of a rater's latest gold traces the threshold looks at; with fewer, nobody is paused.", validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)])),
                ('shows_gold_accuracy', models.BooleanField(default=False, help_text='Raters see their own accuracy on gold, never which traces were gold.')),
                ('needs_qualification', models.BooleanField(default=False, help_text='Raters pass a test on known traces before they are handed work.')),
                ('qualification_traces', models.PositiveSmallIntegerField(default=6, help_text='How many traces a test has, drawn from those set aside for it.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)])),
                ('qualification_pass_mark', models.FloatField(default=0.8, help_text='The share of them to find the first error of, or none where there is none.', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('qualification_attempts', models.PositiveSmallIntegerField(default=2, help_text='How often a rater may take the test.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
                ('shows_decisions', models.BooleanField(default=False, help_text='Raters see what was decided of the traces they rated, and may appeal once.')),
                ('created_at', models.DateTimeField()),
                ('archived_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'ordering': ['name'],
                'constraints': [models.CheckConstraint(condition=models.Q(('overlap__gte', 1)), name='project_overlap_is_positive'), models.CheckConstraint(condition=models.Q(('assisted_share__gte', 0), ('assisted_share__lte', 1)), name='project_assisted_share_is_a_share'), models.CheckConstraint(condition=models.Q(('lease_minutes__gte', 1)), name='project_lease_is_positive'), models.CheckConstraint(condition=models.Q(('gold_share__gte', 0), ('gold_share__lte', 1)), name='project_gold_share_is_a_share'), models.CheckConstraint(condition=models.Q(('gold_threshold__isnull', True), models.Q(('gold_threshold__gte', 0), ('gold_threshold__lte', 1)), _connector='OR'), name='project_gold_threshold_is_a_share'), models.CheckConstraint(condition=models.Q(('gold_window__gte', 1)), name='project_gold_window_is_positive'), models.CheckConstraint(condition=models.Q(('qualification_pass_mark__gte', 0), ('qualification_pass_mark__lte', 1)), name='project_qualification_pass_mark_is_a_share'), models.CheckConstraint(condition=models.Q(('qualification_attempts__gte', 1), ('qualification_traces__gte', 1)), name='project_qualification_counts_are_positive')],
            },
        ),
        migrations.CreateModel(
            name='Judge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('likelihood', 'Likelihood of “yes”'), ('arithmetic', 'Arithmetic checks'), ('rubric', 'Critique by a rubric'), ('rollout', 'Roll-outs from each step'), ('prm', 'Process reward model')], max_length=20)),
                ('name', models.CharField(max_length=120)),
                ('version', models.CharField(max_length=80)),
                ('sees_reference', models.BooleanField(default=False)),
                ('settings', models.JSONField(default=dict)),
                ('note', models.TextField(blank=True, help_text='What people should know before they trust it; shown wherever it is.')),
                ('created_at', models.DateTimeField()),
                ('retired_at', models.DateTimeField(blank=True, help_text='No longer offered; its scores stay.', null=True)),
                ('model_spec', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='annotation.modelspec')),
                ('project', models.ForeignKey(blank=True, help_text='Whose judge it is; none for those that come with the product.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='judges', to='annotation.project')),
            ],
            options={
                'ordering': ['name', 'version'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('project__isnull', True)), fields=('name', 'version'), name='judge_once_per_version'), models.UniqueConstraint(fields=('project', 'name', 'version'), name='judge_once_per_version_in_project'), models.CheckConstraint(condition=models.Q(('kind__in', ['likelihood', 'arithmetic', 'rubric', 'rollout', 'prm'])), name='judge_kind_is_known')],
            },
        ),
        migrations.CreateModel(
            name='GenerationBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('pause_reason', models.CharField(blank=True, help_text='Why it paused by itself; empty where a person paused it.', max_length=200)),
                ('paused_seconds', models.PositiveBigIntegerField(default=0, help_text='How long earlier pauses took together.')),
                ('num_prompts', models.PositiveIntegerField()),
                ('num_samples', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(256)])),
                ('temperature', models.FloatField(default=0.8, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(2.0)])),
                ('top_p', models.FloatField(default=0.95, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('max_new_tokens', models.PositiveIntegerField(default=192, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(32768)])),
                ('seed', models.BigIntegerField(default=0, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(2147483647)])),
                ('prompt_template', models.TextField(help_text="{prompt} stands for the prompt's text.")),
                ('segmenter', models.CharField(max_length=40)),
                ('chat_template', models.TextField(blank=True, help_text="The model's own, in Jinja, as the worker found it; empty where it has none.")),
                ('special_tokens', models.JSONField(blank=True, default=dict, help_text='What the chat template may name: {"bos_token": "<s>"}.')),
                ('chunk_size', models.PositiveSmallIntegerField()),
                ('token_budget', models.PositiveBigIntegerField(blank=True, help_text='It pauses once the model has read and written so many; none: no limit.', null=True)),
                ('money_budget', models.DecimalField(blank=True, decimal_places=2, help_text='Likewise, in US dollars.', max_digits=12, null=True)),
                ('price_per_million_prompt_tokens', models.DecimalField(decimal_places=4, default=Decimal('0'), help_text="The model's when it was launched.", max_digits=12)),
                ('price_per_million_tokens', models.DecimalField(decimal_places=4, default=Decimal('0'), help_text="The model's when it was launched.", max_digits=12)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('model_spec', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='annotation.modelspec')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-queued_at'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='generationbatch_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='generationbatch_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='generationbatch_finished_has_a_time'), models.CheckConstraint(condition=models.Q(('temperature__gte', 0), ('temperature__lte', 2), ('top_p__gt', 0), ('top_p__lte', 1)), name='generation_batch_sampling_in_range'), models.CheckConstraint(condition=models.Q(('chunk_size__gte', 1), ('max_new_tokens__gte', 1), ('num_samples__gte', 1)), name='generation_batch_counts_are_positive'), models.CheckConstraint(condition=models.Q(models.Q(('token_budget__isnull', True), ('token_budget__gte', 1), _connector='OR'), models.Q(('money_budget__isnull', True), ('money_budget__gt', 0), _connector='OR')), name='generation_batch_budgets_are_positive')],
            },
        ),
        migrations.CreateModel(
            name='GenerationChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('is_on_server', models.BooleanField(default=False)),
                ('num_prompt_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model read for it, failures included.')),
                ('num_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model wrote for it, failures included.')),
                ('index', models.PositiveIntegerField()),
                ('prompt_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('sample_indexes', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(), size=None)),
                ('failures', models.JSONField(default=list, help_text='[{prompt_id, sample_index, reason}]: items that made no trace.')),
                ('batch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='annotation.generationbatch')),
            ],
            options={
                'ordering': ['batch', 'index'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='generationchunk_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='generationchunk_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='generationchunk_finished_has_a_time'), models.UniqueConstraint(fields=('batch', 'index'), name='generation_chunk_once_per_index'), models.CheckConstraint(condition=models.Q(('prompt_ids__len', models.F('sample_indexes__len')), ('prompt_ids__len__gte', 1)), name='generation_chunk_pairs_match')],
            },
        ),
        migrations.CreateModel(
            name='ImportSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('name', models.CharField(help_text="The file's name, or the data set's.", max_length=200)),
                ('file_format', models.CharField(choices=[('jsonl', 'JSON Lines'), ('csv', 'CSV'), ('parquet', 'Parquet'), ('hub', 'Hugging Face data set')], max_length=10)),
                ('stored_name', models.CharField(blank=True, help_text='Of the file in the upload folder.', max_length=80)),
                ('config', models.CharField(blank=True, max_length=200)),
                ('split', models.CharField(blank=True, max_length=80)),
                ('columns', models.JSONField(default=list)),
                ('sample', models.JSONField(default=list, help_text='[{number, values, fault}]: the first rows, shortened.')),
                ('num_rows', models.BigIntegerField(blank=True, help_text='None where the source does not say.', null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-queued_at', '-pk'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='importsource_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='importsource_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='importsource_finished_has_a_time'), models.CheckConstraint(condition=models.Q(('file_format__in', ['jsonl', 'csv', 'parquet', 'hub'])), name='import_source_format_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('file_format', 'hub'), ('stored_name', '')), models.Q(models.Q(('file_format', 'hub'), _negated=True), models.Q(('stored_name', ''), _negated=True)), _connector='OR'), name='import_source_is_a_file_or_a_data_set')],
            },
        ),
        migrations.CreateModel(
            name='ImportRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('layout', models.CharField(max_length=40)),
                ('mapping', models.JSONField(default=dict, help_text='{field: column}')),
                ('verifier', models.CharField(blank=True, help_text='For rows that name none.', max_length=40)),
                ('segmenter', models.CharField(blank=True, help_text='For traces that come without steps.', max_length=40)),
                ('model_name', models.CharField(blank=True, help_text='For traces that name none.', max_length=120)),
                ('max_rows', models.PositiveIntegerField(blank=True, null=True)),
                ('is_all_or_nothing', models.BooleanField(default=False)),
                ('num_read', models.PositiveIntegerField(default=0)),
                ('num_prompts', models.PositiveIntegerField(default=0, help_text='Prompts stored.')),
                ('num_traces', models.PositiveIntegerField(default=0, help_text='Traces stored.')),
                ('num_ratings', models.PositiveIntegerField(default=0, help_text='Ratings stored.')),
                ('num_duplicates', models.PositiveIntegerField(default=0, help_text='Rows of which everything was there.')),
                ('num_refused', models.PositiveIntegerField(default=0)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('rater', models.ForeignKey(blank=True, help_text='Whose ratings the labels become; none where labels are not taken.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('source', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='runs', to='annotation.importsource')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-queued_at', '-pk'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='importrun_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='importrun_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='importrun_finished_has_a_time'), models.CheckConstraint(condition=models.Q(('num_read__gte', django.db.models.expressions.CombinedExpression(models.F('num_duplicates'), '+', models.F('num_refused')))), name='import_run_counts_add_up')],
            },
        ),
        migrations.CreateModel(
            name='ImportRefusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveIntegerField(help_text='The line of a file, the row of a table; from 1.')),
                ('reason', models.TextField()),
                ('raw', models.TextField(blank=True)),
                ('is_known', models.BooleanField(default=False)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='refusals', to='annotation.importrun')),
            ],
            options={
                'ordering': ['number', 'pk'],
                'constraints': [models.UniqueConstraint(fields=('run', 'number'), name='import_refusal_once_per_row')],
            },
        ),
        migrations.CreateModel(
            name='JudgeRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('pause_reason', models.CharField(blank=True, help_text='Why it paused by itself; empty where a person paused it.', max_length=200)),
                ('paused_seconds', models.PositiveBigIntegerField(default=0, help_text='How long earlier pauses took together.')),
                ('num_traces', models.PositiveIntegerField()),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('judge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='annotation.judge')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-queued_at'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='judgerun_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='judgerun_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='judgerun_finished_has_a_time')],
            },
        ),
        migrations.CreateModel(
            name='JudgeChunk',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('is_on_server', models.BooleanField(default=False)),
                ('num_prompt_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model read for it, failures included.')),
                ('num_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model wrote for it, failures included.')),
                ('index', models.PositiveIntegerField()),
                ('trace_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), size=None)),
                ('failures', models.JSONField(default=list, help_text='[{trace_id, reason}]: traces without a score.')),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='chunks', to='annotation.judgerun')),
            ],
            options={
                'ordering': ['run', 'index'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='judgechunk_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='judgechunk_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='judgechunk_finished_has_a_time'), models.UniqueConstraint(fields=('run', 'index'), name='judge_chunk_once_per_index')],
            },
        ),
        migrations.CreateModel(
            name='MergeRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('policy', models.CharField(default='chain', max_length=20)),
                ('recovery', models.CharField(default='off', max_length=10)),
                ('uses_verdict', models.BooleanField(default=False)),
                ('merge_version', models.CharField(blank=True, max_length=40)),
                ('diagnostics', models.JSONField(default=dict)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-queued_at'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='mergerun_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='mergerun_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='mergerun_finished_has_a_time')],
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('rater', 'Rater'), ('adjudicator', 'Adjudicator'), ('engineer', 'Engineer'), ('admin', 'Admin')], max_length=12)),
                ('created_at', models.DateTimeField()),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('pause_reason', models.CharField(blank=True, choices=[('admin', 'By an admin'), ('gold', 'For accuracy on gold')], help_text='Why it is paused; of a past pause, why it was.', max_length=10)),
                ('resumed_at', models.DateTimeField(blank=True, help_text='Gold rated before it no longer counts towards a pause.', null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['role', 'account__username'],
                'constraints': [models.UniqueConstraint(fields=('project', 'account', 'role'), name='membership_once_per_role'), models.CheckConstraint(condition=models.Q(('role__in', ['rater', 'adjudicator', 'engineer', 'admin'])), name='membership_role_is_known'), models.CheckConstraint(condition=models.Q(('pause_reason__in', ['', 'admin', 'gold'])), name='membership_pause_reason_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('rater', 'Rater'), ('adjudicator', 'Adjudicator'), ('engineer', 'Engineer'), ('admin', 'Admin')], default='rater', max_length=12)),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('note', models.CharField(blank=True, max_length=120)),
                ('sent_to', models.EmailField(blank=True, help_text='Where the link was sent, if it was sent by e-mail.', max_length=254)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('max_uses', models.PositiveIntegerField(default=1)),
                ('num_uses', models.PositiveIntegerField(default=0)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-created_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('role__in', ['rater', 'adjudicator', 'engineer', 'admin'])), name='invitation_role_is_known'), models.CheckConstraint(condition=models.Q(('num_uses__lte', models.F('max_uses'))), name='invitation_not_overused')],
            },
        ),
        migrations.CreateModel(
            name='AuditEvent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(db_index=True)),
                ('verb', models.CharField(help_text='What happened: "launched a batch".', max_length=60)),
                ('subject', models.CharField(help_text='To what: "batch 12".', max_length=120)),
                ('details', models.JSONField(default=dict)),
                ('actor', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='annotation.project')),
            ],
            options={
                'ordering': ['-at', '-pk'],
            },
        ),
        migrations.CreateModel(
            name='ApiToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('prefix', models.CharField(help_text='The first characters, to tell tokens apart in a list.', max_length=12)),
                ('secret_hash', models.CharField(max_length=64, unique=True)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('projects:read', 'Read projects'), ('prompts:read', 'Read prompts'), ('prompts:write', 'Add prompts'), ('traces:read', 'Read traces'), ('traces:write', 'Return roll-outs of a training as traces'), ('ratings:read', 'Read ratings'), ('ratings:write', 'Submit ratings'), ('exports:read', 'List and download exports'), ('exports:write', 'Start exports')], max_length=20), size=None)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(blank=True, help_text="The one project it reaches; none: all of its person's.", null=True, on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-created_at'],
                'constraints': [models.CheckConstraint(condition=models.Q(('scopes__contained_by', ['projects:read', 'prompts:read', 'prompts:write', 'traces:read', 'traces:write', 'ratings:read', 'ratings:write', 'exports:read', 'exports:write']), ('scopes__len__gte', 1)), name='api_token_scopes_are_known')],
            },
        ),
        migrations.CreateModel(
            name='Prompt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.TextField()),
                ('reference_answer', models.TextField(blank=True)),
                ('verifier', models.CharField(blank=True, help_text='Which rl_bridge verifier decides whether a final answer is right.', max_length=40)),
                ('ground_truth', models.TextField(blank=True, help_text='What the verifier compares with; the reference answer where it needs no more.')),
                ('source', models.JSONField(default=dict, help_text='Where it came from: file and line, or data set, seed and index.')),
                ('language', models.CharField(blank=True, help_text='ISO 639-1 code of the language it is written in, as recognised when it came; empty: not sure.', max_length=8)),
                ('content_hash', models.CharField(max_length=64)),
                ('created_at', models.DateTimeField()),
                ('priority', models.PositiveSmallIntegerField(choices=[(0, 'Held back'), (1, 'Last'), (2, 'As usual'), (3, 'First')], default=2)),
                ('created_by', models.ForeignKey(blank=True, help_text='Who wrote or brought it; none where a program made it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='prompts', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('project', 'content_hash'), name='prompt_once_per_project'), models.CheckConstraint(condition=models.Q(('text', ''), _negated=True), name='prompt_has_text'), models.CheckConstraint(condition=models.Q(('priority__in', [0, 1, 2, 3])), name='prompt_priority_is_known')],
            },
        ),
        migrations.CreateModel(
            name='DryRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('is_on_server', models.BooleanField(default=False)),
                ('num_prompt_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model read for it, failures included.')),
                ('num_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model wrote for it, failures included.')),
                ('form_fields', models.JSONField(help_text='The form as it stood, so that it stands so again beside the answer.')),
                ('told', models.TextField(help_text='What the model was told: the prompt in its template.')),
                ('temperature', models.FloatField()),
                ('top_p', models.FloatField()),
                ('max_new_tokens', models.PositiveIntegerField()),
                ('seed', models.BigIntegerField()),
                ('segmenter', models.CharField(max_length=40)),
                ('completion', models.TextField(blank=True)),
                ('finish_reason', models.CharField(blank=True, max_length=20)),
                ('mean_logprob', models.FloatField(blank=True, null=True)),
                ('final_answer', models.TextField(blank=True, null=True)),
                ('is_answer_correct', models.BooleanField(blank=True, null=True)),
                ('verifier_error', models.TextField(blank=True, help_text='Why the answer was not checked, as in a trace.')),
                ('seconds', models.FloatField(blank=True, help_text='How long the model took, without the time to open it.', null=True)),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('model_spec', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.modelspec')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.prompt')),
            ],
            options={
                'ordering': ['-queued_at'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='dryrun_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='dryrun_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='dryrun_finished_has_a_time')],
            },
        ),
        migrations.CreateModel(
            name='QualificationAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(help_text="1 for the rater's first; a waiver has 0.")),
                ('trace_ids', django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='In the order they are shown.', size=None)),
                ('pass_mark', models.FloatField(help_text="The project's, when the attempt began.")),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_right', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('has_passed', models.BooleanField(blank=True, help_text='None while it runs.', null=True)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attempts', to='annotation.project')),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='qualification_attempts', to=settings.AUTH_USER_MODEL)),
                ('waived_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('project', 'rater', 'number'), name='qualification_attempt_once_per_number'), models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('project', 'rater'), name='qualification_attempt_one_open_per_rater'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('has_passed__isnull', True), ('num_right__isnull', True)), models.Q(('finished_at__isnull', False), ('has_passed__isnull', False), ('num_right__isnull', False)), _connector='OR'), name='qualification_attempt_finished_has_a_result'), models.CheckConstraint(condition=models.Q(('num_right__isnull', True), ('num_right__lte', models.F('trace_ids__len')), _connector='OR'), name='qualification_attempt_right_of_those_shown')],
            },
        ),
        migrations.CreateModel(
            name='QualityReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('kind', models.CharField(choices=[('agreement', 'Agreement between raters'), ('judges', 'Judges against people'), ('more_labels', 'What more labels would buy')], max_length=12)),
                ('version', models.CharField(blank=True, help_text='Of the code that computed it.', max_length=20)),
                ('found', models.JSONField(default=dict, help_text='The report (annotation.measuring), as JSON.')),
                ('created_by', models.ForeignKey(blank=True, help_text='Who asked for it; none where the product itself did.', null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
            ],
            options={
                'ordering': ['-queued_at', '-pk'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='qualityreport_open'), models.Index(fields=['project', 'kind', '-queued_at'], name='quality_report_latest')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='qualityreport_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='qualityreport_finished_has_a_time'), models.CheckConstraint(condition=models.Q(('kind__in', ['agreement', 'judges', 'more_labels'])), name='quality_report_kind_is_known'), models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('project', 'kind'), name='quality_report_one_open_per_kind')],
            },
        ),
        migrations.CreateModel(
            name='Trace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sample_index', models.PositiveSmallIntegerField(blank=True, null=True)),
                ('completion', models.TextField()),
                ('step_ends', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveIntegerField(), size=None)),
                ('segmenter', models.CharField(max_length=40)),
                ('segmentation', models.PositiveSmallIntegerField(default=1)),
                ('model_name', models.CharField(max_length=120)),
                ('sampling', models.JSONField(default=dict, help_text='All that is needed to make it again.')),
                ('finish_reason', models.CharField(blank=True, max_length=20)),
                ('num_prompt_tokens', models.PositiveIntegerField(blank=True, null=True)),
                ('num_tokens', models.PositiveIntegerField(blank=True, null=True)),
                ('mean_logprob', models.FloatField(blank=True, null=True)),
                ('final_answer', models.TextField(blank=True, null=True)),
                ('is_answer_correct', models.BooleanField(blank=True, help_text="The verifier's word, where one ran.", null=True)),
                ('created_at', models.DateTimeField()),
                ('retired_at', models.DateTimeField(blank=True, null=True)),
                ('wants_ratings', models.BooleanField(default=True, help_text="Fewer raters have it, or have rated it, than the project's overlap; never for gold and held ones.")),
                ('priority', models.PositiveSmallIntegerField(choices=[(0, 'Held back'), (1, 'Last'), (2, 'As usual'), (3, 'First')], default=2, help_text="Its prompt's, repeated here for the queue's indexes.")),
                ('queue_key', models.FloatField(help_text='Drawn at random once; a random trace is the next one at or after a random key.')),
                ('need', models.FloatField(default=0.0, help_text="0 to 1: how much a person's rating would tell.")),
                ('batch', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='traces', to='annotation.generationbatch')),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.prompt')),
            ],
            options={
                'ordering': ['pk'],
                'indexes': [models.Index(condition=models.Q(('wants_ratings', True)), fields=['project', '-priority', 'queue_key'], name='trace_open_random'), models.Index(condition=models.Q(('wants_ratings', True)), fields=['project', '-priority', '-need', 'queue_key'], name='trace_open_need')],
                'constraints': [models.CheckConstraint(condition=annotation.models.database_rules.StepsAreLossless(), name='trace_steps_are_lossless'), models.UniqueConstraint(condition=models.Q(('batch__isnull', False)), fields=('batch', 'prompt', 'sample_index', 'segmentation'), name='trace_once_per_sample'), models.CheckConstraint(condition=models.Q(models.Q(('batch__isnull', True), ('sample_index__isnull', True)), models.Q(('batch__isnull', False), ('sample_index__isnull', False)), _connector='OR'), name='trace_sample_belongs_to_a_batch'), models.CheckConstraint(condition=models.Q(('need__gte', 0), ('need__lte', 1)), name='trace_need_is_a_share'), models.CheckConstraint(condition=models.Q(('retired_at__isnull', True), ('wants_ratings', False), _connector='OR'), name='trace_retired_is_not_handed_out'), models.CheckConstraint(condition=models.Q(('priority__in', [0, 1, 2, 3])), name='trace_priority_is_known'), models.CheckConstraint(condition=models.Q(('priority__gt', 0), ('wants_ratings', False), _connector='OR'), name='trace_held_is_not_handed_out')],
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('leased', 'Leased'), ('submitted', 'Submitted'), ('skipped', 'Skipped'), ('returned', 'Returned')], default='leased', max_length=10)),
                ('leased_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('is_ahead', models.BooleanField(default=False, help_text='Leased while another trace is being rated, and not opened yet.')),
                ('is_assisted', models.BooleanField(default=False, help_text='Drawn at random: judge scores show before rating.')),
                ('selected_by', models.CharField(choices=[('random', 'At random'), ('need', 'By need'), ('gold', 'As gold')], default='random', max_length=10)),
                ('selection_probability', models.FloatField(help_text='With which this trace was drawn, given who asked and when.')),
                ('skip_reason', models.CharField(blank=True, max_length=400)),
                ('scores_shown_at', models.DateTimeField(blank=True, help_text='When judge scores first showed to the rater; what follows is assisted.', null=True)),
                ('draft', models.JSONField(default=dict, help_text='The rating as far as it has got (annotation.rules.draft.Draft).')),
                ('draft_revision', models.PositiveIntegerField(default=0, help_text='Rises with every save; a stale save is refused.')),
                ('draft_saved_at', models.DateTimeField(blank=True, null=True)),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to=settings.AUTH_USER_MODEL)),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='assignments', to='annotation.trace')),
            ],
            options={
                'ordering': ['pk'],
                'indexes': [models.Index(condition=models.Q(('state', 'leased')), fields=['expires_at'], name='assignment_leased'), models.Index(fields=['rater', 'state'], name='assignment_of_rater')],
                'constraints': [models.UniqueConstraint(fields=('trace', 'rater'), name='assignment_once_per_rater'), models.CheckConstraint(condition=models.Q(('state__in', ['leased', 'submitted', 'skipped', 'returned'])), name='assignment_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state', 'leased')), models.Q(models.Q(('state', 'leased'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='assignment_ended_has_a_time'), models.CheckConstraint(condition=models.Q(('is_ahead', False), ('state', 'leased'), _connector='OR'), name='assignment_ahead_is_leased'), models.CheckConstraint(condition=models.Q(('selection_probability__gt', 0), ('selection_probability__lte', 1)), name='assignment_selection_probability_in_range')],
            },
        ),
        migrations.CreateModel(
            name='StepBranch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('finished', 'Finished'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('queued_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(blank=True, null=True)),
                ('touched_at', models.DateTimeField(help_text='Last sign of life: queued, started, or a beat of the worker.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('num_attempts', models.PositiveSmallIntegerField(default=0)),
                ('error', models.TextField(blank=True)),
                ('is_on_server', models.BooleanField(default=False)),
                ('num_prompt_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model read for it, failures included.')),
                ('num_tokens', models.PositiveBigIntegerField(default=0, help_text='Tokens the model wrote for it, failures included.')),
                ('step_index', models.PositiveIntegerField()),
                ('round', models.PositiveSmallIntegerField(help_text='1, and more where the rater asked for further ones.')),
                ('num_wanted', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(16)])),
                ('temperature', models.FloatField()),
                ('top_p', models.FloatField()),
                ('max_new_tokens', models.PositiveIntegerField()),
                ('seed', models.BigIntegerField()),
                ('assignment', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='branches', to='annotation.assignment')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['pk'],
                'abstract': False,
                'indexes': [models.Index(condition=models.Q(('state__in', ('queued', 'running'))), fields=['touched_at'], name='stepbranch_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('state__in', ['queued', 'running', 'finished', 'failed', 'cancelled'])), name='stepbranch_state_is_known'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state__in', ('queued', 'running'))), models.Q(models.Q(('state__in', ('queued', 'running')), _negated=True), ('finished_at__isnull', False)), _connector='OR'), name='stepbranch_finished_has_a_time'), models.UniqueConstraint(fields=('assignment', 'step_index', 'round'), name='step_branch_once_per_round'), models.CheckConstraint(condition=models.Q(('max_new_tokens__gte', 1), ('num_wanted__gte', 1), ('round__gte', 1)), name='step_branch_counts_are_positive')],
            },
        ),
        migrations.CreateModel(
            name='StepAlternative',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('index', models.PositiveSmallIntegerField()),
                ('text', models.TextField(blank=True)),
                ('refusal', models.TextField(blank=True)),
                ('sampling', models.JSONField(default=dict, help_text='All that is needed to make it again.')),
                ('created_at', models.DateTimeField()),
                ('branch', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alternatives', to='annotation.stepbranch')),
            ],
            options={
                'ordering': ['branch', 'index'],
                'constraints': [models.UniqueConstraint(fields=('branch', 'index'), name='step_alternative_once_per_index'), models.CheckConstraint(condition=models.Q(models.Q(('text', ''), models.Q(('refusal', ''), _negated=True)), models.Q(models.Q(('text', ''), _negated=True), ('refusal', '')), _connector='OR'), name='step_alternative_is_a_text_or_a_refusal')],
            },
        ),
        migrations.CreateModel(
            name='Rating',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.PositiveSmallIntegerField(default=1)),
                ('is_current', models.BooleanField(default=True)),
                ('outcome', models.CharField(choices=[('rated', 'Rated'), ('bad_problem', 'Bad problem'), ('give_up', 'Gave up')], default='rated', max_length=12)),
                ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(null=True), help_text='-1 bad, 0 neutral, +1 good, none = not judged; one a step.', size=None)),
                ('reason', models.TextField(blank=True, help_text='Why a bad problem, or why given up.')),
                ('notes', models.JSONField(default=dict, help_text='{step index as text: note}')),
                ('error_categories', models.JSONField(default=dict, help_text='{step index as text: category}, of steps rated bad.')),
                ('rewrites', models.JSONField(default=dict, help_text='{step index as text: how the rater would have written the step}')),
                ('is_reference_wrong', models.BooleanField(default=False)),
                ('is_assisted', models.BooleanField(help_text='Judge scores were shown before this revision was given.')),
                ('active_seconds', models.FloatField(default=0.0, help_text='Time at work on it, idle time left out.')),
                ('submitted_at', models.DateTimeField()),
                ('idempotency_key', models.UUIDField(help_text='A submission sent twice is stored once.', unique=True)),
                ('assignment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ratings', to='annotation.assignment')),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='ratings', to=settings.AUTH_USER_MODEL)),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='ratings', to='annotation.trace')),
            ],
            options={
                'ordering': ['pk'],
                'indexes': [models.Index(fields=['rater', 'submitted_at'], name='rating_of_rater_by_time')],
                'constraints': [models.UniqueConstraint(fields=('trace', 'rater', 'revision'), name='rating_once_per_revision'), models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('trace', 'rater'), name='rating_one_current_per_rater'), models.CheckConstraint(condition=models.Q(('outcome__in', ['rated', 'bad_problem', 'give_up'])), name='rating_outcome_is_known'), models.CheckConstraint(condition=annotation.models.database_rules.LabelsAreRatings(), name='rating_labels_in_range'), models.CheckConstraint(condition=models.Q(('outcome', 'rated'), models.Q(('reason', ''), _negated=True), _connector='OR'), name='rating_without_labels_has_a_reason'), models.CheckConstraint(condition=models.Q(('active_seconds__gte', 0)), name='rating_time_is_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='PracticeAnswer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(null=True), help_text='As in a rating.', size=None)),
                ('is_right', models.BooleanField(help_text="Whether its first error was gold's, as gold was then.")),
                ('active_seconds', models.FloatField(default=0.0)),
                ('answered_at', models.DateTimeField()),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='practice_answers', to=settings.AUTH_USER_MODEL)),
                ('attempt', models.ForeignKey(blank=True, help_text='None: it was the tutorial.', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='answers', to='annotation.qualificationattempt')),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='practice_answers', to='annotation.trace')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('attempt__isnull', True)), fields=('trace', 'rater'), name='practice_answer_once_in_the_tutorial'), models.UniqueConstraint(condition=models.Q(('attempt__isnull', False)), fields=('trace', 'attempt'), name='practice_answer_once_per_attempt'), models.CheckConstraint(condition=annotation.models.database_rules.LabelsAreRatings(), name='practice_answer_labels_in_range'), models.CheckConstraint(condition=models.Q(('active_seconds__gte', 0)), name='practice_answer_time_is_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='MergedTrace',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('posterior', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(null=True), help_text='P(step stands), one a step; none without any evidence.', size=None)),
                ('p_trace', models.FloatField(help_text='P(the last step stands); none without any evidence.', null=True)),
                ('first_error', models.IntegerField(help_text='Index of the likeliest first error; -1 for none.', null=True)),
                ('provenance', models.CharField(choices=[('human', 'People'), ('hybrid', 'People and judges'), ('ai', 'Judges alone'), ('gold', 'Gold'), ('none', 'Not enough evidence')], max_length=8)),
                ('num_raters', models.PositiveIntegerField(default=0)),
                ('num_blind_raters', models.PositiveIntegerField(default=0, help_text='Raters who saw no judge score.')),
                ('judges', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=220), default=list, help_text='Whose scores entered, as "name@version".', size=None)),
                ('fold', models.PositiveSmallIntegerField(help_text='Whose hazard was used: the one fitted without this fold; none for the whole fit.', null=True)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='merged_traces', to='annotation.mergerun')),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='merged', to='annotation.trace')),
            ],
            options={
                'ordering': ['run', 'trace'],
                'constraints': [models.UniqueConstraint(fields=('run', 'trace'), name='merged_trace_once_per_run'), models.CheckConstraint(condition=annotation.models.database_rules.AreProbabilities('posterior'), name='merged_trace_posterior_in_range'), models.CheckConstraint(condition=models.Q(('p_trace__isnull', True), models.Q(('p_trace__gte', 0), ('p_trace__lte', 1)), _connector='OR'), name='merged_trace_p_in_range'), models.CheckConstraint(condition=models.Q(('provenance__in', ['human', 'hybrid', 'ai', 'gold', 'none'])), name='merged_trace_provenance_is_known')],
            },
        ),
        migrations.CreateModel(
            name='MergedPreference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('probability', models.FloatField(help_text='P(chosen is better than rejected).')),
                ('margin', models.FloatField(help_text='Difference of strengths, clipped to 0 to 3.')),
                ('provenance', models.CharField(choices=[('human', 'People'), ('hybrid', 'People and judges'), ('ai', 'Judges alone'), ('gold', 'Gold'), ('none', 'Not enough evidence')], max_length=8)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='merged_preferences', to='annotation.mergerun')),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.prompt')),
                ('chosen', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='annotation.trace')),
                ('rejected', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='annotation.trace')),
            ],
            options={
                'ordering': ['run', 'prompt', 'chosen', 'rejected'],
                'constraints': [models.UniqueConstraint(fields=('run', 'chosen', 'rejected'), name='merged_preference_once_per_pair'), models.CheckConstraint(condition=models.Q(('margin__gte', 0), ('margin__lte', 3), ('probability__gte', 0), ('probability__lte', 1)), name='merged_preference_in_range'), models.CheckConstraint(condition=models.Q(('provenance__in', ['human', 'hybrid', 'ai', 'gold', 'none'])), name='merged_preference_provenance_is_known')],
            },
        ),
        migrations.CreateModel(
            name='JudgeScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('probabilities', django.contrib.postgres.fields.ArrayField(base_field=models.FloatField(null=True), help_text='P(step is correct), one a step; none where the judge says nothing.', size=None)),
                ('rationales', models.JSONField(default=list, help_text='One text a step, or an empty list.')),
                ('fault', models.CharField(blank=True, help_text="Why the judge's answer could not be read, where it could not.", max_length=300)),
                ('created_at', models.DateTimeField()),
                ('judge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='annotation.judge')),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='judge_scores', to='annotation.trace')),
            ],
            options={
                'ordering': ['judge', 'trace'],
                'constraints': [models.UniqueConstraint(fields=('trace', 'judge'), name='judge_score_once_per_trace'), models.CheckConstraint(condition=annotation.models.database_rules.AreProbabilities('probabilities'), name='judge_score_probabilities_in_range')],
            },
        ),
        migrations.CreateModel(
            name='Gold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('stands', django.contrib.postgres.fields.ArrayField(base_field=models.BooleanField(), help_text='Whether each step stands, one a step.', size=None)),
                ('source', models.CharField(choices=[('imported', 'Imported'), ('adjudicated', 'Adjudicated')], default='imported', max_length=12)),
                ('use', models.CharField(choices=[('work', 'Mixed into work'), ('tutorial', 'Tutorial'), ('test', 'Qualification test')], default='work', max_length=8)),
                ('note', models.TextField(blank=True, help_text='Why; a tutorial shows it with its feedback.')),
                ('created_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL)),
                ('trace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, to='annotation.trace')),
            ],
            options={
                'verbose_name_plural': 'gold',
                'constraints': [models.CheckConstraint(condition=models.Q(('source__in', ['imported', 'adjudicated'])), name='gold_source_is_known'), models.CheckConstraint(condition=models.Q(('use__in', ['work', 'tutorial', 'test'])), name='gold_use_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Disagreement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('between', models.CharField(choices=[('raters', 'Raters'), ('merge', 'Raters and the merge')], max_length=8)),
                ('bits', models.FloatField(help_text='What a decision is expected to tell (annotation.rules.disagreement).')),
                ('is_open', models.BooleanField(default=True, help_text='Nobody has decided the trace.')),
                ('found_at', models.DateTimeField()),
                ('held_until', models.DateTimeField(blank=True, help_text='Until then it is handed to nobody else.', null=True)),
                ('held_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('project', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.project')),
                ('trace', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, to='annotation.trace')),
            ],
            options={
                'ordering': ['-bits', 'trace'],
                'indexes': [models.Index(condition=models.Q(('is_open', True)), fields=['project', '-bits', 'trace'], name='disagreement_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(('between__in', ['raters', 'merge'])), name='disagreement_between_is_known'), models.CheckConstraint(condition=models.Q(('bits__gte', 0)), name='disagreement_bits_are_not_negative')],
            },
        ),
        migrations.CreateModel(
            name='Decision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.PositiveSmallIntegerField(default=1)),
                ('is_current', models.BooleanField(default=True)),
                ('ruling', models.CharField(choices=[('steps', 'Steps decided'), ('bad_problem', 'Bad problem')], default='steps', max_length=12)),
                ('labels', django.contrib.postgres.fields.ArrayField(base_field=models.SmallIntegerField(null=True), help_text='-1 bad, 0 neutral, +1 good, none = rests on an error or not judged; one a step.', size=None)),
                ('note', models.TextField(blank=True, help_text="Why; the trace's raters may read it.")),
                ('step_notes', models.JSONField(default=dict, help_text='{step index as text: note}')),
                ('has_seen_scores', models.BooleanField(help_text='Judge scores stood beside the ratings when this was decided.')),
                ('decided_at', models.DateTimeField()),
                ('idempotency_key', models.UUIDField(help_text='A decision sent twice is stored once.', unique=True)),
                ('adjudicator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to=settings.AUTH_USER_MODEL)),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='decisions', to='annotation.trace')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('trace', 'revision'), name='decision_once_per_revision'), models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('trace',), name='decision_one_current_per_trace'), models.CheckConstraint(condition=models.Q(('ruling__in', ['steps', 'bad_problem'])), name='decision_ruling_is_known'), models.CheckConstraint(condition=annotation.models.database_rules.LabelsAreRatings(), name='decision_labels_in_range'), models.CheckConstraint(condition=models.Q(('ruling', 'steps'), models.Q(('note', ''), _negated=True), _connector='OR'), name='decision_without_labels_has_a_note')],
            },
        ),
        migrations.CreateModel(
            name='Comparison',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('choice', models.CharField(choices=[('a', 'A is better'), ('b', 'B is better'), ('tie', 'A tie'), ('both_bad', 'Both are bad')], max_length=8)),
                ('is_swapped', models.BooleanField()),
                ('note', models.TextField(blank=True)),
                ('submitted_at', models.DateTimeField()),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='comparisons', to=settings.AUTH_USER_MODEL)),
                ('prompt', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to='annotation.prompt')),
                ('trace_a', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='annotation.trace')),
                ('trace_b', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='annotation.trace')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('trace_a', 'trace_b', 'rater'), name='comparison_once_per_rater'), models.CheckConstraint(condition=models.Q(('trace_a__lt', models.F('trace_b'))), name='comparison_pair_is_ordered'), models.CheckConstraint(condition=models.Q(('choice__in', ['a', 'b', 'tie', 'both_bad'])), name='comparison_choice_is_known')],
            },
        ),
        migrations.CreateModel(
            name='Appeal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField()),
                ('filed_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('changed', 'Decision changed'), ('kept', 'Decision kept')], default='open', max_length=8)),
                ('answer', models.TextField(blank=True)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('answered_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='answered_appeals', to=settings.AUTH_USER_MODEL)),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='appeals', to=settings.AUTH_USER_MODEL)),
                ('decision', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='appeals', to='annotation.decision')),
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='appeals', to='annotation.trace')),
            ],
            options={
                'ordering': ['pk'],
                'constraints': [models.UniqueConstraint(fields=('trace', 'rater'), name='appeal_once_per_rater'), models.CheckConstraint(condition=models.Q(('state__in', ['open', 'changed', 'kept'])), name='appeal_state_is_known'), models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='appeal_has_a_reason'), models.CheckConstraint(condition=models.Q(models.Q(('answer', ''), ('answered_at__isnull', True), ('answered_by__isnull', True), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('answered_at__isnull', False), ('answered_by__isnull', False), models.Q(('answer', ''), _negated=True)), _connector='OR'), name='appeal_answered_is_whole')],
            },
        ),
        migrations.RunSQL(MATCHES_TRACE, "DROP FUNCTION gradus_array_matches_trace();"),
        *(_match_trace(table, column) for table, column in ONE_A_STEP),
        migrations.RunSQL(APPEND_ONLY, CHANGEABLE),
        migrations.RunSQL(VIEWS, "DROP VIEW annotation_judgefailure; DROP VIEW annotation_batchfailure;"),
        migrations.CreateModel(
            name='BatchFailure',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('sample_index', models.IntegerField()),
                ('reason', models.TextField()),
            ],
            options={
                'db_table': 'annotation_batchfailure',
                'ordering': ['pk'],
                'managed': False,
            },
        ),
        migrations.CreateModel(
            name='JudgeFailure',
            fields=[
                ('id', models.BigIntegerField(primary_key=True, serialize=False)),
                ('reason', models.TextField()),
            ],
            options={
                'db_table': 'annotation_judgefailure',
                'ordering': ['pk'],
                'managed': False,
            },
        ),
    ]
