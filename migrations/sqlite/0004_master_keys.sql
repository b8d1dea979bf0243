CREATE TABLE `key_holders` (
	`server` text PRIMARY KEY NOT NULL,
	`keys` text NOT NULL,
	`last_seen_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `master_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`created_at` integer NOT NULL,
	`current_since` integer,
	`retired_at` integer
);
--> statement-breakpoint
ALTER TABLE `client_secrets` ADD `master_key_id` text;--> statement-breakpoint
ALTER TABLE `ended_secrets` ADD `master_key_id` text;--> statement-breakpoint
ALTER TABLE `grants` ADD `master_key_id` text;--> statement-breakpoint
ALTER TABLE `grants` ADD `master_key_from` integer DEFAULT 0 NOT NULL;