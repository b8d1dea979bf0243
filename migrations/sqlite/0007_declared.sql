ALTER TABLE `clients` ADD `declared_by` text;--> statement-breakpoint
ALTER TABLE `groups` ADD `declared_by` text;--> statement-breakpoint
ALTER TABLE `resources` ADD `declared_by` text;