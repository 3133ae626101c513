
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('crm', '0016_tag_merges'),
    ]

    operations = [
        migrations.CreateModel(
            name='NewsWish',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(help_text='Key of the kind.', max_length=30, verbose_name='kind')),
                ('way', models.CharField(choices=[('off', 'Not at all'), ('app', 'Here only'), ('digest', 'Here, and in one e-mail a day'), ('mail', 'Here, and by e-mail at once')], help_text='How they want to hear of it.', max_length=8, verbose_name='way')),
                ('user', models.ForeignKey(db_index=False, help_text='Whose wish.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'wish for notifications',
                'verbose_name_plural': 'wishes for notifications',
                'constraints': [models.UniqueConstraint(fields=('user', 'kind'), name='news_wish_once')],
            },
        ),
        migrations.CreateModel(
            name='Notification',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(help_text='Key of the kind, e.g. mention.', max_length=30, verbose_name='kind')),
                ('object_id', models.BigIntegerField(help_text='Primary key of the row that it is about.', verbose_name='object')),
                ('ref', models.CharField(help_text='What makes it one: the same kind and reference is never told twice.', max_length=80)),
                ('at', models.DateTimeField(db_index=True, help_text='UTC; when it happened.', verbose_name='at')),
                ('way', models.CharField(choices=[('off', 'Not at all'), ('app', 'Here only'), ('digest', 'Here, and in one e-mail a day'), ('mail', 'Here, and by e-mail at once')], help_text='As the user wished it at that time.', max_length=8, verbose_name='way')),
                ('seen_at', models.DateTimeField(blank=True, help_text='UTC; empty while unread.', null=True, verbose_name='seen at')),
                ('mailed_at', models.DateTimeField(blank=True, help_text='UTC; set before the e-mail leaves, so that none leaves twice.', null=True, verbose_name='mailed at')),
                ('by', models.ForeignKey(blank=True, help_text='Who did it.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(db_index=False, help_text='Who is told.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'notification',
                'verbose_name_plural': 'notifications',
                'ordering': ['-at', '-id'],
                'indexes': [models.Index(condition=models.Q(('seen_at__isnull', True)), fields=['user'], name='news_unread'), models.Index(fields=['user', '-at'], name='news_of_user'), models.Index(condition=models.Q(('mailed_at__isnull', True), ('way__in', ['mail', 'digest'])), fields=['way'], name='news_to_mail')],
                'constraints': [models.UniqueConstraint(fields=('user', 'kind', 'ref'), name='told_once')],
            },
        ),
    ]
