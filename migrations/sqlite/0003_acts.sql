CREATE TABLE `ended_clients` (
	`client_id` text PRIMARY KEY NOT NULL,
	`ended_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `ended_secrets` (
	`id` text PRIMARY KEY NOT NULL,
	`client_id` text NOT NULL,
	`digest` text NOT NULL,
	`ended_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `ended_secrets_client` ON `ended_secrets` (`client_id`,`ended_at`);--> statement-breakpoint
CREATE TABLE `revision` (
	`id` integer PRIMARY KEY NOT NULL,
	`value` integer NOT NULL
);
--> statement-breakpoint
ALTER TABLE `audit_events` ADD `actor_kind` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `blacklist_entries` ADD `cause` text DEFAULT 'blacklist' NOT NULL;--> statement-breakpoint
ALTER TABLE `blacklist_entries` ADD `owner` text;--> statement-breakpoint
CREATE INDEX `blacklist_entries_owner` ON `blacklist_entries` (`owner`,`cause`,`removed_at`,`expires_at`) WHERE owner IS NOT NULL;--> statement-breakpoint
ALTER TABLE `client_secrets` ADD `position` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `deleted_resources` ADD `is_ended` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `grants` ADD `grant_type` text DEFAULT '' NOT NULL;--> statement-breakpoint
CREATE INDEX `grants_live` ON `grants` (`sub`,`client_key`,`sid`) WHERE ended_at IS NULL;--> statement-breakpoint
CREATE INDEX `grants_replaced` ON `grants` (`access_expires_at`) WHERE ended_reason = 'replaced';--> statement-breakpoint
INSERT INTO `revision` SELECT 1, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0);--> statement-breakpoint
UPDATE `client_secrets` SET `position` = rowid;--> statement-breakpoint
UPDATE `blacklist_entries` SET `cause` = CASE
	WHEN `kind` = 'kid' THEN 'key_revoked'
	WHEN `created_by` = 'client.disabled' THEN 'client_disabled'
	WHEN `kind` = 'client_id' AND `reason` = 'client deleted' AND NOT `refuses_new` THEN 'client_deleted'
	WHEN `kind` = 'sub' AND `reason` = 'user disabled' THEN 'user_disabled'
	WHEN `kind` IN ('jti', 'sid') AND `reason` = 'revoked by client' THEN 'revocation'
	WHEN `kind` = 'sid' AND `reason` = 'refresh token reuse' THEN 'reuse'
	WHEN `kind` = 'sid' AND `reason` = 'restored' THEN 'restored'
	WHEN `kind` = 'sid' AND `reason` = 'revoked by administrator' THEN 'grant_ended'
	ELSE 'blacklist'
END;
