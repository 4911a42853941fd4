"""Values that wait

Revision 0008, after 0007.
"""

from alembic import op
import sqlalchemy as sa


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade():
    """Go forward."""
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.create_index(
            'ix_record_waiting', ['stream'], unique=False, sqlite_where=sa.text("instr(registers, '\"w\":') > 0"),
            postgresql_where=sa.text("strpos(registers, '\"w\":') > 0"),
        )


def downgrade():
    """Go back."""
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.drop_index('ix_record_waiting')
