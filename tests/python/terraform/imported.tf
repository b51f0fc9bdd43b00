# tests/main-job.toml in Terraform's words: what vssctl made, taken over as it is.

variable "ids" {
  type = object({ plan = string, selection = string, association = string })
}

locals {
  aws = "arn:aws:iam::aws:policy"
  trusts = {
    EC2RoleforSSMVSSSnapshotV2 = "ec2.amazonaws.com"
    AWSBackupVss               = "backup.amazonaws.com"
  }
  attached = {
    AmazonSSMManagedInstanceCore                         = "EC2RoleforSSMVSSSnapshotV2"
    AWSEC2VssSnapshotPolicy                              = "EC2RoleforSSMVSSSnapshotV2"
    "service-role/AWSBackupServiceRolePolicyForBackup"   = "AWSBackupVss"
    "service-role/AWSBackupServiceRolePolicyForRestores" = "AWSBackupVss"
  }
}

import {
  for_each = local.trusts
  to       = aws_iam_role.all[each.key]
  id       = each.key
}

resource "aws_iam_role" "all" {
  for_each = local.trusts
  name     = each.key
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = each.value }, Action = "sts:AssumeRole" }]
  })
}

import {
  for_each = local.attached
  to       = aws_iam_role_policy_attachment.all[each.key]
  id       = "${each.value}/${local.aws}/${each.key}"
}

resource "aws_iam_role_policy_attachment" "all" {
  for_each   = local.attached
  role       = aws_iam_role.all[each.value].name
  policy_arn = "${local.aws}/${each.key}"
}

import {
  to = aws_iam_instance_profile.vss
  id = "EC2RoleforSSMVSSSnapshotV2"
}

resource "aws_iam_instance_profile" "vss" {
  name = "EC2RoleforSSMVSSSnapshotV2"
  role = aws_iam_role.all["EC2RoleforSSMVSSSnapshotV2"].name
}

import {
  to = aws_backup_vault.vss
  id = "vss"
}

resource "aws_backup_vault" "vss" {
  name = "vss"
}

import {
  to = aws_backup_plan.daily
  id = var.ids.plan
}

resource "aws_backup_plan" "daily" {
  name = "daily"
  rule {
    rule_name                    = "nightly"
    target_vault_name            = aws_backup_vault.vss.name
    schedule                     = "cron(0 18 ? * * *)"
    schedule_expression_timezone = "Asia/Tokyo"
    start_window                 = 60
    completion_window            = 480
    lifecycle {
      delete_after = 35
    }
  }
  advanced_backup_setting {
    resource_type  = "EC2"
    backup_options = { WindowsVSS = "enabled" }
  }
}

import {
  to = aws_backup_selection.windows
  id = "${var.ids.plan}|${var.ids.selection}"
}

resource "aws_backup_selection" "windows" {
  name         = "windows"
  plan_id      = aws_backup_plan.daily.id
  iam_role_arn = aws_iam_role.all["AWSBackupVss"].arn
  resources    = ["arn:aws:ec2:*:*:instance/*"]
  condition {
    string_equals {
      key   = "aws:ResourceTag/VssBackup"
      value = "enabled"
    }
  }
}

import {
  to = aws_ssm_association.package
  id = var.ids.association
}

resource "aws_ssm_association" "package" {
  name                = "AWS-ConfigureAWSPackage"
  association_name    = "vssctl-AwsVssComponents"
  parameters          = { action = "Install", name = "AwsVssComponents" }
  schedule_expression = "rate(1 day)"
  targets {
    key    = "tag:VssBackup"
    values = ["enabled"]
  }
}
