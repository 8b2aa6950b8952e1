"""Decisions on traces, raters' appeals, and the disagreements that adjudicators are shown."""

import annotation.models.database_rules
import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


TRIGGER = (
    "CREATE TRIGGER annotation_decision_labels_match_trace BEFORE INSERT OR UPDATE OF labels, trace_id "
    "ON annotation_decision FOR EACH ROW EXECUTE FUNCTION gradus_array_matches_trace('labels');"
)


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0011_practice_and_alternatives'),
    ]

    operations = [
        migrations.AddField(
            model_name='invitation',
            name='sent_to',
            field=models.EmailField(blank=True, help_text='Where the link was sent, if it was sent by e-mail.', max_length=254),
        ),
        migrations.AddField(
            model_name='project',
            name='shows_decisions',
            field=models.BooleanField(default=False, help_text='Raters see what was decided of the traces they rated, and may appeal once.'),
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
                ('trace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='appeals', to='annotation.trace')),
                ('decision', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='appeals', to='annotation.decision')),
            ],
            options={
                'ordering': ['pk'],
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
            },
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.UniqueConstraint(fields=('trace', 'revision'), name='decision_once_per_revision'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('trace',), name='decision_one_current_per_trace'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('ruling__in', ['steps', 'bad_problem'])), name='decision_ruling_is_known'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=annotation.models.database_rules.LabelsAreRatings(), name='decision_labels_in_range'),
        ),
        migrations.AddConstraint(
            model_name='decision',
            constraint=models.CheckConstraint(condition=models.Q(('ruling', 'steps'), models.Q(('note', ''), _negated=True), _connector='OR'), name='decision_without_labels_has_a_note'),
        ),
        migrations.AddConstraint(
            model_name='appeal',
            constraint=models.UniqueConstraint(fields=('trace', 'rater'), name='appeal_once_per_rater'),
        ),
        migrations.AddConstraint(
            model_name='appeal',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'changed', 'kept'])), name='appeal_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='appeal',
            constraint=models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='appeal_has_a_reason'),
        ),
        migrations.AddConstraint(
            model_name='appeal',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answer', ''), ('answered_at__isnull', True), ('answered_by__isnull', True), ('state', 'open')), models.Q(models.Q(('state', 'open'), _negated=True), ('answered_at__isnull', False), ('answered_by__isnull', False), models.Q(('answer', ''), _negated=True)), _connector='OR'), name='appeal_answered_is_whole'),
        ),
        migrations.AddIndex(
            model_name='disagreement',
            index=models.Index(condition=models.Q(('is_open', True)), fields=['project', '-bits', 'trace'], name='disagreement_open'),
        ),
        migrations.AddConstraint(
            model_name='disagreement',
            constraint=models.CheckConstraint(condition=models.Q(('between__in', ['raters', 'merge'])), name='disagreement_between_is_known'),
        ),
        migrations.AddConstraint(
            model_name='disagreement',
            constraint=models.CheckConstraint(condition=models.Q(('bits__gte', 0)), name='disagreement_bits_are_not_negative'),
        ),
        migrations.RunSQL(
            TRIGGER, "DROP TRIGGER annotation_decision_labels_match_trace ON annotation_decision;"
        ),
    ]
