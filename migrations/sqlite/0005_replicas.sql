CREATE TABLE `replicas` (
	`name` text PRIMARY KEY NOT NULL,
	`version` text NOT NULL,
	`started_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	`stopped_at` integer
);
--> statement-breakpoint
DROP INDEX `grants_replaced`;--> statement-breakpoint
CREATE INDEX `grants_replaced` ON `grants` (`ended_at`) WHERE ended_reason = 'replaced';