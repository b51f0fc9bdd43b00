# What a team may make with Terraform in an account where vssctl works too: the types of resources that Terraform has for
# backups of Windows servers. With `edit`, something of each is changed that can be changed.

variable "edit" {
  type    = bool
  default = false
}

# Every type of resource that AWS Backup knows here, because Terraform manages the whole setting.
variable "opt_in" {
  type = map(bool)
}

locals {
  team = var.edit ? "servers" : "windows"
  tags = { team = local.team }
  aws  = "arn:aws:iam::aws:policy"
}

data "aws_instances" "windows" {
  filter {
    name   = "platform"
    values = ["windows"]
  }
}

data "aws_iam_policy_document" "trust" {
  for_each = toset(["ec2", "backup"])
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["${each.key}.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "reads" {
  statement {
    actions   = var.edit ? ["ec2:Describe*", "ec2:Get*"] : ["ec2:Describe*"]
    resources = ["*"]
  }
}

data "aws_kms_key" "backup" {
  key_id = "alias/aws/backup"
}

resource "aws_iam_role" "instance" {
  name                 = "vss"
  path                 = "/terraform/"
  description          = "of ${local.team}"
  max_session_duration = var.edit ? 7200 : 3600
  assume_role_policy   = data.aws_iam_policy_document.trust["ec2"].json
  permissions_boundary = var.edit ? null : "${local.aws}/PowerUserAccess"
  tags                 = local.tags
}

resource "aws_iam_role" "backup" {
  name               = "backup"
  assume_role_policy = data.aws_iam_policy_document.trust["backup"].json
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.instance.id
  policy = data.aws_iam_policy_document.reads.json
}

resource "aws_iam_policy" "own" {
  name   = "own"
  policy = data.aws_iam_policy_document.reads.json
  tags   = local.tags
}

resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.instance.name
  policy_arn = aws_iam_policy.own.arn
}

resource "aws_iam_policy_attachment" "vss" {
  name       = "vss"
  roles      = [aws_iam_role.instance.name]
  policy_arn = "${local.aws}/AWSEC2VssSnapshotPolicy"
}

resource "aws_iam_role_policy_attachments_exclusive" "backup" {
  role_name = aws_iam_role.backup.name
  policy_arns = concat(
    ["${local.aws}/service-role/AWSBackupServiceRolePolicyForBackup"],
    var.edit ? ["${local.aws}/service-role/AWSBackupServiceRolePolicyForRestores"] : [],
  )
}

resource "aws_iam_role_policies_exclusive" "backup" {
  role_name    = aws_iam_role.backup.name
  policy_names = []
}

resource "aws_iam_instance_profile" "vss" {
  name = "vss"
  role = aws_iam_role.instance.name
  tags = local.tags
}

resource "aws_backup_vault" "vss" {
  name        = "terraform"
  kms_key_arn = data.aws_kms_key.backup.arn
  tags        = local.tags
}

resource "aws_backup_vault_policy" "vss" {
  backup_vault_name = aws_backup_vault.vss.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Deny"
      Principal = "*"
      Action    = var.edit ? "backup:DeleteBackupVault" : "backup:DeleteRecoveryPoint"
      Resource  = "*"
    }]
  })
}

resource "aws_backup_vault_notifications" "vss" {
  backup_vault_name   = aws_backup_vault.vss.name
  sns_topic_arn       = "arn:aws:sns:ap-northeast-1:123456789012:backups"
  backup_vault_events = var.edit ? ["BACKUP_JOB_COMPLETED", "COPY_JOB_FAILED"] : ["BACKUP_JOB_COMPLETED"]
}

resource "aws_backup_vault_lock_configuration" "vss" {
  backup_vault_name  = aws_backup_vault.vss.name
  min_retention_days = 7
  max_retention_days = var.edit ? 100 : 90
}

resource "aws_backup_plan" "daily" {
  name = "terraform"
  rule {
    rule_name         = "nightly"
    target_vault_name = aws_backup_vault.vss.name
    schedule          = "cron(0 18 ? * * *)"
    start_window      = 60
    completion_window = 480
    lifecycle {
      delete_after = var.edit ? 40 : 35
    }
  }
  advanced_backup_setting {
    resource_type  = "EC2"
    backup_options = { WindowsVSS = "enabled" }
  }
  tags = local.tags
}

resource "aws_backup_selection" "windows" {
  name         = "windows"
  plan_id      = aws_backup_plan.daily.id
  iam_role_arn = aws_iam_role.backup.arn
  selection_tag {
    type  = "STRINGEQUALS"
    key   = "VssBackup"
    value = var.edit ? "yes" : "enabled"
  }
}

resource "aws_backup_region_settings" "here" {
  resource_type_opt_in_preference = merge(var.opt_in, { S3 = var.edit })
}

resource "aws_backup_restore_testing_plan" "weekly" {
  name                = "weekly"
  schedule_expression = var.edit ? "cron(0 13 ? * SUN *)" : "cron(0 12 ? * SUN *)"
  recovery_point_selection {
    algorithm            = "LATEST_WITHIN_WINDOW"
    include_vaults       = ["*"]
    recovery_point_types = ["SNAPSHOT"]
  }
}

resource "aws_backup_restore_testing_selection" "ec2" {
  name                      = "ec2"
  restore_testing_plan_name = aws_backup_restore_testing_plan.weekly.name
  protected_resource_type   = "EC2"
  iam_role_arn              = aws_iam_role.backup.arn
  protected_resource_arns   = ["*"]
  validation_window_hours   = var.edit ? 2 : 1
  # This version of the provider can't edit a selection without overrides: it does not read what it left open.
  restore_metadata_overrides = { instanceType = var.edit ? "t3.large" : "t3.medium" }
}

resource "aws_ssm_association" "package" {
  name                = "AWS-ConfigureAWSPackage"
  association_name    = "terraform"
  parameters          = { action = "Install", name = "AwsVssComponents" }
  schedule_expression = var.edit ? "rate(2 days)" : "rate(1 day)"
  targets {
    key    = "tag:VssBackup"
    values = ["enabled"]
  }
}

resource "aws_ssm_parameter" "note" {
  name  = "/terraform/note"
  type  = "String"
  value = local.team
}

resource "aws_ec2_tag" "extra" {
  resource_id = sort(data.aws_instances.windows.ids)[0]
  key         = "extra"
  value       = local.team
}
