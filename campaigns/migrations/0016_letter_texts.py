
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0015_groups_as_of_the_sealing'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='LetterText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='Name by which it is chosen.', max_length=80, verbose_name='name')),
                ('subject', models.CharField(blank=True, help_text='Subject of the letter.', max_length=200, verbose_name='subject')),
                ('text', models.TextField(help_text='What stands between the greeting and the signature.', max_length=20000, verbose_name='text')),
                ('is_shared', models.BooleanField(default=False, help_text='Whether colleagues may use it, too.', verbose_name='shared')),
                ('updated_at', models.DateTimeField(help_text='UTC.', verbose_name='updated at')),
                ('deleted_at', models.DateTimeField(blank=True, help_text='UTC; kept so that deleting can be undone.', null=True, verbose_name='deleted at')),
                ('owner', models.ForeignKey(help_text='Who keeps and changes it.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
            ],
            options={
                'verbose_name': 'text for letters',
                'verbose_name_plural': 'texts for letters',
                'ordering': ['name', 'id'],
            },
        ),
    ]
