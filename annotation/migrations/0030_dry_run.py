import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('annotation', '0017_judges_see_reference'),
    ]

    operations = [
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
    ]
