"""Gold mixed into the queue, who may be paused for it, and priorities of prompts."""

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# Gold is handed out beside the queue of open traces, not from it.
TAKE_GOLD_OUT_OF_THE_QUEUE = (
    "UPDATE annotation_trace SET wants_ratings = false WHERE wants_ratings "
    "AND id IN (SELECT trace_id FROM annotation_gold);"
)


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0005_error_categories_rewrites_and_keys'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='trace',
            name='trace_open_random',
        ),
        migrations.RemoveIndex(
            model_name='trace',
            name='trace_open_need',
        ),
        migrations.AddField(
            model_name='gold',
            name='source',
            field=models.CharField(choices=[('imported', 'Imported'), ('adjudicated', 'Adjudicated')], default='imported', max_length=12),
        ),
        migrations.AddField(
            model_name='membership',
            name='pause_reason',
            field=models.CharField(blank=True, choices=[('admin', 'By an admin'), ('gold', 'For accuracy on gold')], help_text='Why it is paused; of a past pause, why it was.', max_length=10),
        ),
        migrations.AddField(
            model_name='membership',
            name='resumed_at',
            field=models.DateTimeField(blank=True, help_text='Gold rated before it no longer counts towards a pause.', null=True),
        ),
        migrations.AddField(
            model_name='project',
            name='forbids_own_prompts',
            field=models.BooleanField(default=False, help_text='Nobody is handed a trace of a prompt that they added themselves.'),
        ),
        migrations.AddField(
            model_name='project',
            name='gold_share',
            field=models.FloatField(default=0.05, help_text='Share of assignments, drawn at random, that are gold while a rater has some left.', validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='project',
            name='gold_threshold',
            field=models.FloatField(blank=True, help_text='A rater whose accuracy on recent gold is below it is paused; none: nobody is.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='project',
            name='gold_window',
            field=models.PositiveSmallIntegerField(default=10, help_text="How many of a rater's latest gold traces the threshold looks at; with fewer, nobody is paused.", validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)]),
        ),
        migrations.AddField(
            model_name='project',
            name='shows_gold_accuracy',
            field=models.BooleanField(default=False, help_text='Raters see their own accuracy on gold, never which traces were gold.'),
        ),
        migrations.AddField(
            model_name='prompt',
            name='created_by',
            field=models.ForeignKey(blank=True, help_text='Who wrote or brought it; none where a program made it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='prompts', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='prompt',
            name='priority',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Held back'), (1, 'Last'), (2, 'As usual'), (3, 'First')], default=2),
        ),
        migrations.AddField(
            model_name='trace',
            name='priority',
            field=models.PositiveSmallIntegerField(choices=[(0, 'Held back'), (1, 'Last'), (2, 'As usual'), (3, 'First')], default=2, help_text="Its prompt's, repeated here for the queue's indexes."),
        ),
        migrations.AlterField(
            model_name='assignment',
            name='selected_by',
            field=models.CharField(choices=[('random', 'At random'), ('need', 'By need'), ('gold', 'As gold')], default='random', max_length=10),
        ),
        migrations.AlterField(
            model_name='trace',
            name='wants_ratings',
            field=models.BooleanField(default=True, help_text="Fewer raters have it, or have rated it, than the project's overlap; never for gold and held ones."),
        ),
        migrations.AddIndex(
            model_name='trace',
            index=models.Index(condition=models.Q(('wants_ratings', True)), fields=['project', '-priority', 'queue_key'], name='trace_open_random'),
        ),
        migrations.AddIndex(
            model_name='trace',
            index=models.Index(condition=models.Q(('wants_ratings', True)), fields=['project', '-priority', '-need', 'queue_key'], name='trace_open_need'),
        ),
        migrations.AddConstraint(
            model_name='gold',
            constraint=models.CheckConstraint(condition=models.Q(('source__in', ['imported', 'adjudicated'])), name='gold_source_is_known'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('pause_reason__in', ['', 'admin', 'gold'])), name='membership_pause_reason_is_known'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('gold_share__gte', 0), ('gold_share__lte', 1)), name='project_gold_share_is_a_share'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('gold_threshold__isnull', True), models.Q(('gold_threshold__gte', 0), ('gold_threshold__lte', 1)), _connector='OR'), name='project_gold_threshold_is_a_share'),
        ),
        migrations.AddConstraint(
            model_name='project',
            constraint=models.CheckConstraint(condition=models.Q(('gold_window__gte', 1)), name='project_gold_window_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='prompt',
            constraint=models.CheckConstraint(condition=models.Q(('priority__in', [0, 1, 2, 3])), name='prompt_priority_is_known'),
        ),
        migrations.AddConstraint(
            model_name='trace',
            constraint=models.CheckConstraint(condition=models.Q(('priority__in', [0, 1, 2, 3])), name='trace_priority_is_known'),
        ),
        migrations.AddConstraint(
            model_name='trace',
            constraint=models.CheckConstraint(condition=models.Q(('priority__gt', 0), ('wants_ratings', False), _connector='OR'), name='trace_held_is_not_handed_out'),
        ),
        migrations.RunSQL(TAKE_GOLD_OUT_OF_THE_QUEUE, migrations.RunSQL.noop),
    ]
