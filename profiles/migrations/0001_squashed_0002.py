import django.db.models.deletion
import profiles.models.survey
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('profiles', '0001_initial'), ('profiles', '0002_surveys')]

    initial = True

    dependencies = [
        ('crm', '0001_squashed_0019'),
    ]

    operations = [
        migrations.CreateModel(
            name='Snapshot',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('building', 'Building'), ('ready', 'Ready'), ('failed', 'Failed'), ('removed', 'Removed')], default='building', help_text='How far it is.', max_length=10, verbose_name='status')),
                ('file_name', models.CharField(help_text='Its file below the warehouse folder.', max_length=120)),
                ('as_of', models.DateTimeField(help_text='UTC; rows up to here are in it, relative dates count back from here.', verbose_name='as of')),
                ('watermarks', models.JSONField(default=dict, help_text='Per source table: how far it has been read.')),
                ('counts', models.JSONField(default=dict, help_text='Rows per table.', verbose_name='rows')),
                ('started_at', models.DateTimeField(help_text='UTC.', verbose_name='started at')),
                ('finished_at', models.DateTimeField(blank=True, help_text='UTC.', null=True, verbose_name='finished at')),
                ('error', models.TextField(blank=True, help_text='Why it failed, in one sentence.', verbose_name='error')),
            ],
            options={
                'verbose_name': 'snapshot',
                'verbose_name_plural': 'snapshots',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Survey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Name in addresses, rules and texts; never changed.', max_length=60, unique=True, verbose_name='short name')),
                ('title', models.CharField(help_text='Heading that customers see.', max_length=120, verbose_name='title')),
                ('title_fi', models.CharField(blank=True, help_text='Heading in Finnish; empty means the title.', max_length=120, verbose_name='Finnish title')),
                ('intro', models.TextField(blank=True, help_text='Why you ask, and what becomes of the answers.', max_length=1000, verbose_name='introduction')),
                ('intro_fi', models.TextField(blank=True, help_text='In Finnish; empty means the introduction.', max_length=1000, verbose_name='Finnish introduction')),
                ('status', models.CharField(choices=[('draft', 'Draft'), ('open', 'Takes answers'), ('closed', 'Closed')], default='draft', help_text='How far it is.', max_length=6, verbose_name='state')),
                ('secret', models.CharField(default=profiles.models.survey.new_secret, help_text='Key of its addresses; 128 random bits.', max_length=32)),
                ('created_by', models.ForeignKey(blank=True, help_text='Who drew it up.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(help_text='UTC.', verbose_name='created at')),
                ('opened_at', models.DateTimeField(blank=True, help_text='UTC; when it took answers.', null=True, verbose_name='opened at')),
                ('closed_at', models.DateTimeField(blank=True, help_text='UTC; when it was closed.', null=True, verbose_name='closed at')),
            ],
            options={
                'verbose_name': 'survey',
                'verbose_name_plural': 'surveys',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('survey', models.ForeignKey(help_text='Where it is asked.', on_delete=django.db.models.deletion.CASCADE, related_name='questions', to='profiles.survey')),
                ('key', models.SlugField(help_text='Name in rules and files, once per survey.', max_length=40, verbose_name='key')),
                ('position', models.PositiveSmallIntegerField(default=0, help_text='Place in the survey, from 0.', verbose_name='position')),
                ('kind', models.CharField(choices=[('nps', 'Would recommend, 0–10'), ('rating', 'Satisfied, 1–5'), ('choice', 'One of several'), ('choices', 'Any of several'), ('text', 'In their own words')], help_text='How it is answered.', max_length=8, verbose_name='kind')),
                ('text', models.CharField(help_text='As customers read it.', max_length=300, verbose_name='question')),
                ('text_fi', models.CharField(blank=True, help_text='In Finnish; empty means the question.', max_length=300, verbose_name='Finnish question')),
                ('choices', models.JSONField(blank=True, default=list, help_text='What may be chosen; a list of texts.', verbose_name='choices')),
                ('choices_fi', models.JSONField(blank=True, default=list, help_text='The same in Finnish, in the same order.', verbose_name='Finnish choices')),
                ('is_required', models.BooleanField(default=False, help_text='May not be left out.', verbose_name='must be answered')),
                ('field', models.ForeignKey(blank=True, help_text='Custom field of the customer that the answer is written into.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.fielddefinition', verbose_name='keep as field')),
            ],
            options={
                'verbose_name': 'question',
                'verbose_name_plural': 'questions',
                'ordering': ['position', 'id'],
                'constraints': [models.UniqueConstraint(fields=('survey', 'key'), name='question_key_once')],
            },
        ),
        migrations.CreateModel(
            name='AnswerSheet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('survey', models.ForeignKey(help_text='What was answered.', on_delete=django.db.models.deletion.PROTECT, related_name='sheets', to='profiles.survey')),
                ('customer', models.ForeignKey(help_text='Who answered.', on_delete=django.db.models.deletion.PROTECT, related_name='answer_sheets', to='crm.customer')),
                ('language', models.CharField(blank=True, help_text='ISO 639-1 code of the page.', max_length=10, verbose_name='language')),
                ('revision', models.PositiveIntegerField(default=1, help_text='How often it was sent in.', verbose_name='revision')),
                ('answered_at', models.DateTimeField(help_text='UTC; first sent in.', verbose_name='answered at')),
                ('changed_at', models.DateTimeField(help_text='UTC; last sent in.', verbose_name='changed at')),
            ],
            options={
                'verbose_name': 'answer sheet',
                'verbose_name_plural': 'answer sheets',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['survey', 'answered_at'], name='sheet_of_survey')],
                'constraints': [models.UniqueConstraint(fields=('survey', 'customer'), name='sheet_once')],
            },
        ),
        migrations.CreateModel(
            name='Answer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sheet', models.ForeignKey(help_text='On which sheet.', on_delete=django.db.models.deletion.CASCADE, related_name='answers', to='profiles.answersheet')),
                ('question', models.ForeignKey(help_text='What was asked.', on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='profiles.question')),
                ('value', models.TextField(help_text='A number, the chosen text, or own words.', max_length=2000, verbose_name='answer')),
            ],
            options={
                'verbose_name': 'answer',
                'verbose_name_plural': 'answers',
                'ordering': ['id'],
                'indexes': [models.Index(fields=['question', 'sheet'], name='answer_of_question')],
                'constraints': [models.CheckConstraint(condition=models.Q(('value', ''), _negated=True), name='answer_says_something')],
            },
        ),
    ]
