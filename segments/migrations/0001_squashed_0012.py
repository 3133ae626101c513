import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    replaces = [('segments', '0001_initial'), ('segments', '0002_ledger_version'), ('segments', '0003_health'), ('segments', '0004_following'), ('segments', '0005_persona'), ('segments', '0006_ledger_in_order'), ('segments', '0007_segment_imports'), ('segments', '0008_distilled_rules'), ('segments', '0009_worklist'), ('segments', '0010_stars'), ('segments', '0011_ledger_without_second_indexes'), ('segments', '0012_left_of_closed_only')]

    initial = True

    dependencies = [
        ('crm', '0001_squashed_0019'),
    ]

    operations = [
        migrations.CreateModel(
            name='Followed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('customer_id', models.BigIntegerField(help_text='Who; no reference.', unique=True, verbose_name='customer')),
                ('snapshot_id', models.BigIntegerField(db_index=True, help_text='The newest warehouse snapshot when the rows were read.', verbose_name='snapshot')),
                ('at', models.DateTimeField(help_text='UTC.', verbose_name='at')),
            ],
            options={
                'verbose_name': 'followed customer',
                'verbose_name_plural': 'followed customers',
            },
        ),
        migrations.CreateModel(
            name='FollowLease',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='What is followed.', max_length=20, unique=True, verbose_name='name')),
                ('until', models.DateTimeField(help_text='UTC.', verbose_name='until')),
            ],
            options={
                'verbose_name': 'lease of following',
                'verbose_name_plural': 'leases of following',
            },
        ),
        migrations.CreateModel(
            name='SegmentImport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('file_name', models.CharField(blank=True, help_text='Name of the file.', max_length=200, verbose_name='file')),
                ('definitions', models.JSONField(help_text='What it made and changed, as it then stood.', verbose_name='definitions')),
                ('before', models.JSONField(default=list, help_text='The definitions that it changed.', verbose_name='before')),
                ('made', models.JSONField(default=list, help_text='Short names of segments it made or brought back.', verbose_name='made')),
                ('at', models.DateTimeField(help_text='UTC.', verbose_name='at')),
                ('by', models.ForeignKey(blank=True, help_text='Who took it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('undone_at', models.DateTimeField(blank=True, help_text='UTC; when it was undone.', null=True, verbose_name='undone at')),
            ],
            options={
                'verbose_name': 'import of segments',
                'verbose_name_plural': 'imports of segments',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='WorklistMark',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(db_index=False, help_text='Whose worklist.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('customer', models.ForeignKey(help_text='Who was put off.', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='crm.customer', verbose_name='customer')),
                ('reason', models.CharField(choices=[('later', 'Later'), ('in_touch', 'We are in touch already'), ('no_need', 'Needs nothing now'), ('not_mine', 'Not for me'), ('wrong', 'The reason does not hold')], help_text='Why not now.', max_length=8, verbose_name='reason')),
                ('until_at', models.DateTimeField(help_text='UTC; from then on they may be proposed again.', verbose_name='until')),
                ('at', models.DateTimeField(help_text='UTC; when it was said.', verbose_name='at')),
            ],
            options={
                'verbose_name': 'mark on a worklist',
                'verbose_name_plural': 'marks on worklists',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['user', 'until_at'], name='worklist_mark_until')],
            },
        ),
        migrations.CreateModel(
            name='Segment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(help_text='Short name in rules, files and addresses.', max_length=80, unique=True, verbose_name='slug')),
                ('name', models.CharField(help_text='Name shown to people.', max_length=120, verbose_name='name')),
                ('description', models.TextField(blank=True, help_text="What it is for, in the owner's words.", verbose_name='description')),
                ('kind', models.CharField(choices=[('rule', 'Rule'), ('static', 'Named list'), ('cluster', 'Cluster')], default='rule', help_text='Rule, named list or cluster.', max_length=8, verbose_name='kind')),
                ('purpose', models.CharField(choices=[('marketing', 'Marketing'), ('service', 'Service'), ('analysis', 'Analysis')], default='marketing', help_text='What its members may be used for.', max_length=10, verbose_name='purpose')),
                ('rule', models.JSONField(blank=True, help_text='The rule as data; see docs/rules.md. Empty for named lists.', null=True, verbose_name='rule')),
                ('rule_version', models.PositiveIntegerField(default=1, help_text='Grows with every change of the rule.', verbose_name='rule version')),
                ('owner', models.ForeignKey(blank=True, help_text='Who answers for it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='owner')),
                ('period_minutes', models.PositiveIntegerField(blank=True, help_text="Minutes between refreshes; empty means the firm's default.", null=True, verbose_name='period')),
                ('stale_after_minutes', models.PositiveIntegerField(default=1440, help_text='Minutes; older membership is not used for sending.', verbose_name='stale after')),
                ('review_on', models.DateField(blank=True, help_text='Date by which a person should look at it again.', null=True, verbose_name='review on')),
                ('reviewed_at', models.DateTimeField(blank=True, help_text='UTC; when a person last looked at it and let it stand.', null=True, verbose_name='reviewed at')),
                ('measured', models.JSONField(blank=True, default=dict, help_text='What its health needs and takes long to know; see segments/health.py.')),
                ('measured_at', models.DateTimeField(blank=True, help_text='UTC; when that was measured.', null=True)),
                ('size', models.PositiveBigIntegerField(default=0, help_text='Members after the last refresh.', verbose_name='size')),
                ('ledger_version', models.PositiveBigIntegerField(default=0, help_text='Grows with every change of its memberships; copies of the member list name it.')),
                ('due_at', models.DateTimeField(blank=True, db_index=True, help_text='UTC; next refresh.', null=True, verbose_name='due at')),
                ('refreshed_at', models.DateTimeField(blank=True, help_text='UTC; last refresh that succeeded: membership is true as of then.', null=True, verbose_name='refreshed at')),
                ('failures', models.PositiveIntegerField(default=0, help_text='Failed refreshes since the last good one; the wait doubles with each.', verbose_name='failures in a row')),
                ('error', models.TextField(blank=True, help_text='Why the last refresh failed, in one sentence.', verbose_name='error')),
                ('created_by', models.ForeignKey(blank=True, help_text='Who made it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(help_text='UTC.', verbose_name='created at')),
                ('updated_at', models.DateTimeField(help_text='UTC.', verbose_name='updated at')),
                ('archived_at', models.DateTimeField(blank=True, help_text='UTC; archived segments are not refreshed.', null=True, verbose_name='archived at')),
            ],
            options={
                'verbose_name': 'segment',
                'verbose_name_plural': 'segments',
                'ordering': ['name', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('kind', 'static'), ('rule__isnull', True)), models.Q(('kind', 'static'), _negated=True), _connector='OR'), name='static_segment_has_no_rule'), models.CheckConstraint(condition=models.Q(models.Q(('kind', 'rule'), _negated=True), ('rule__isnull', False), _connector='OR'), name='rule_segment_has_rule')],
            },
        ),
        migrations.CreateModel(
            name='Clustering',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('features', models.JSONField(help_text='Keys of the features used.', verbose_name='features')),
                ('base_segment', models.ForeignKey(blank=True, help_text='Customers looked at; empty means all.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='segments.segment')),
                ('seed', models.PositiveIntegerField(default=1, help_text='Seed of the random numbers: the same seed gives the same groups.', verbose_name='seed')),
                ('proposed_k', models.PositiveSmallIntegerField(help_text='Number of groups the data speak for.', null=True, verbose_name='proposed number')),
                ('k', models.PositiveSmallIntegerField(help_text='Number of groups made.', null=True, verbose_name='number')),
                ('quality', models.JSONField(default=dict, help_text='Per number of groups: silhouette and stability, 0–1.', verbose_name='quality')),
                ('model', models.JSONField(default=dict, help_text='Scaling and centres: enough to assign any customer again.')),
                ('status', models.CharField(default='queued', help_text='queued, running, finished or failed.', max_length=10, verbose_name='status')),
                ('error', models.TextField(blank=True, help_text='Why it failed.', verbose_name='error')),
                ('created_by', models.ForeignKey(blank=True, help_text='Who asked.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('created_at', models.DateTimeField(help_text='UTC.', verbose_name='created at')),
                ('finished_at', models.DateTimeField(blank=True, help_text='UTC.', null=True, verbose_name='finished at')),
            ],
            options={
                'verbose_name': 'clustering',
                'verbose_name_plural': 'clusterings',
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='Cluster',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('clustering', models.ForeignKey(help_text='Search that found it.', on_delete=django.db.models.deletion.PROTECT, related_name='clusters', to='segments.clustering', verbose_name='clustering')),
                ('position', models.PositiveSmallIntegerField(help_text='0, 1, 2 … in the order of size.', verbose_name='number')),
                ('name', models.CharField(help_text='Name proposed from what sets it apart.', max_length=120, verbose_name='name')),
                ('size', models.PositiveBigIntegerField(help_text='Customers in it when found.', verbose_name='size')),
                ('distinction', models.JSONField(default=list, help_text="Features most unlike everyone's, the telling ones first.", verbose_name='what sets it apart')),
                ('rule', models.JSONField(blank=True, help_text='A rule that tells it from the rest; empty for none.', null=True, verbose_name='distilled rule')),
                ('precision', models.FloatField(blank=True, help_text='Share of those the rule lets in who are in the group, 0–1.', null=True, verbose_name='precision')),
                ('recall', models.FloatField(blank=True, help_text='Share of the group whom the rule lets in, 0–1.', null=True, verbose_name='recall')),
                ('before', models.ForeignKey(blank=True, help_text='The group of the last like search that it carries on.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='segments.cluster')),
                ('likeness', models.FloatField(blank=True, help_text="Jaccard index with that group's people today, 0–1.", null=True, verbose_name='likeness')),
            ],
            options={
                'verbose_name': 'cluster',
                'verbose_name_plural': 'clusters',
                'ordering': ['clustering', 'position'],
                'constraints': [models.UniqueConstraint(fields=('clustering', 'position'), name='cluster_once')],
            },
        ),
        migrations.CreateModel(
            name='RuleVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.ForeignKey(help_text='Whose rule.', on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='segments.segment', verbose_name='segment')),
                ('version', models.PositiveIntegerField(help_text='1, 2, 3 …', verbose_name='version')),
                ('rule', models.JSONField(help_text='The rule as data.', verbose_name='rule')),
                ('sentence', models.TextField(help_text='The rule in English at that time.', verbose_name='sentence')),
                ('at', models.DateTimeField(help_text='UTC.', verbose_name='at')),
                ('by', models.ForeignKey(blank=True, help_text='Who wrote it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
            ],
            options={
                'verbose_name': 'rule version',
                'verbose_name_plural': 'rule versions',
                'ordering': ['segment', '-version'],
                'constraints': [models.UniqueConstraint(fields=('segment', 'version'), name='rule_version_once')],
            },
        ),
        migrations.CreateModel(
            name='Persona',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.OneToOneField(help_text='Whose members.', on_delete=django.db.models.deletion.PROTECT, related_name='persona', to='segments.segment', verbose_name='segment')),
                ('name', models.CharField(blank=True, help_text='A name to speak of them by.', max_length=80, verbose_name='name')),
                ('goals', models.TextField(blank=True, help_text='What they want to reach.', verbose_name='goals')),
                ('challenges', models.TextField(blank=True, help_text='What stands in their way.', verbose_name='challenges')),
                ('criteria', models.TextField(blank=True, help_text='By what they choose.', verbose_name='criteria')),
                ('motives', models.TextField(blank=True, help_text='Why they buy at all.', verbose_name='motives')),
                ('tone', models.TextField(blank=True, help_text='How to speak to them.', verbose_name='tone')),
                ('channels', models.TextField(blank=True, help_text='Where they like to be met.', verbose_name='channels')),
                ('computed', models.JSONField(blank=True, default=list, help_text='What set the members apart when it was written, the telling first.')),
                ('written_at', models.DateTimeField(help_text='UTC; when the words were last changed.', verbose_name='written at')),
                ('written_by', models.ForeignKey(blank=True, help_text='Who changed them last.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'persona',
                'verbose_name_plural': 'personas',
            },
        ),
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.ForeignKey(db_index=False, help_text='Which segment.', on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='segments.segment', verbose_name='segment')),
                ('customer', models.ForeignKey(db_index=False, help_text='Who.', on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='crm.customer', verbose_name='customer')),
                ('entered_at', models.DateTimeField(help_text='UTC.', verbose_name='entered at')),
                ('entered_reason', models.CharField(choices=[('matched', 'Matched the rule'), ('no_longer', 'No longer matched the rule'), ('rule_changed', 'The rule was changed'), ('added', 'Added by hand'), ('removed', 'Removed by hand'), ('imported', 'Came with a file'), ('erased', 'The customer was erased'), ('merged', 'The customer was merged'), ('archived', 'The segment was archived')], help_text='Why they entered.', max_length=14, verbose_name='entered because')),
                ('entered_version', models.PositiveIntegerField(blank=True, help_text='Rule version that let them in; empty for named lists.', null=True, verbose_name='by rule version')),
                ('left_at', models.DateTimeField(blank=True, help_text='UTC; empty while a member.', null=True, verbose_name='left at')),
                ('left_reason', models.CharField(blank=True, choices=[('matched', 'Matched the rule'), ('no_longer', 'No longer matched the rule'), ('rule_changed', 'The rule was changed'), ('added', 'Added by hand'), ('removed', 'Removed by hand'), ('imported', 'Came with a file'), ('erased', 'The customer was erased'), ('merged', 'The customer was merged'), ('archived', 'The segment was archived')], help_text='Why they left.', max_length=14, verbose_name='left because')),
                ('left_version', models.PositiveIntegerField(blank=True, help_text='Rule version that put them out.', null=True)),
            ],
            options={
                'verbose_name': 'membership',
                'verbose_name_plural': 'memberships',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['segment', 'entered_at', 'id'], name='membership_entered'), models.Index(condition=models.Q(('left_at__isnull', False)), fields=['segment', 'left_at', 'id'], name='membership_left'), models.Index(fields=['customer', 'segment'], name='membership_customer')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('left_at__isnull', True)), fields=('segment', 'customer'), name='member_once'), models.CheckConstraint(condition=models.Q(('left_at__isnull', True), ('left_at__gte', models.F('entered_at')), _connector='OR'), name='membership_interval')],
            },
        ),
        migrations.CreateModel(
            name='SegmentRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.ForeignKey(help_text='Which segment.', on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='segments.segment', verbose_name='segment')),
                ('snapshot_id', models.BigIntegerField(help_text='Warehouse snapshot it was evaluated on.', null=True, verbose_name='snapshot')),
                ('rule_version', models.PositiveIntegerField(help_text='Version evaluated.', null=True, verbose_name='rule version')),
                ('started_at', models.DateTimeField(help_text='UTC.', verbose_name='started at')),
                ('finished_at', models.DateTimeField(help_text='UTC.', verbose_name='finished at')),
                ('late_seconds', models.PositiveIntegerField(default=0, help_text='Seconds after it was due.', verbose_name='lateness')),
                ('size', models.PositiveBigIntegerField(help_text='Members after the run.', null=True, verbose_name='size')),
                ('entered', models.PositiveBigIntegerField(default=0, help_text='Members who came in.', verbose_name='entered')),
                ('left', models.PositiveBigIntegerField(default=0, help_text='Members who went out.', verbose_name='left')),
                ('error', models.TextField(blank=True, help_text='Why it failed.', verbose_name='error')),
            ],
            options={
                'verbose_name': 'segment run',
                'verbose_name_plural': 'segment runs',
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['segment', 'started_at'], name='segment_run_started')],
            },
        ),
        migrations.CreateModel(
            name='Star',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.ForeignKey(help_text='Which segment.', on_delete=django.db.models.deletion.CASCADE, related_name='stars', to='segments.segment', verbose_name='segment')),
                ('user', models.ForeignKey(help_text='Whose.', on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'star',
                'verbose_name_plural': 'stars',
                'constraints': [models.UniqueConstraint(fields=('user', 'segment'), name='star_once')],
            },
        ),
        migrations.AddField(
            model_name='segment',
            name='cluster',
            field=models.ForeignKey(blank=True, help_text='For clusters: the accepted cluster.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='segments.cluster'),
        ),
        migrations.AddConstraint(
            model_name='segment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'cluster'), _negated=True), ('cluster__isnull', False), _connector='OR'), name='cluster_segment_has_cluster'),
        ),
    ]
