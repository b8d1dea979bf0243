CREATE TABLE `key_readers` (
	`name` text PRIMARY KEY NOT NULL,
	`last_seen_at` integer NOT NULL,
	`knows_until` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `key_readers_seen` ON `key_readers` (`last_seen_at`);--> statement-breakpoint
DROP INDEX `signing_keys_one_active`;--> statement-breakpoint
DROP INDEX `signing_keys_one_next`;--> statement-breakpoint
ALTER TABLE `signing_keys` ADD `ring` text DEFAULT '' NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_active` ON `signing_keys` (`ring`,`alg`) WHERE status = 'active';--> statement-breakpoint
CREATE UNIQUE INDEX `signing_keys_one_next` ON `signing_keys` (`ring`,`alg`) WHERE status = 'next';--> statement-breakpoint
ALTER TABLE `resources` ADD `own_keys` integer DEFAULT false NOT NULL;