ALTER TABLE `clients` ADD `is_declared` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `groups` ADD `is_declared` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `resources` ADD `is_declared` integer DEFAULT false NOT NULL;