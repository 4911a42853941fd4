"""What is wrong with submitted records

Revision 0010, after 0009.
"""

from alembic import op
import sqlalchemy as sa


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

UNJUDGED = sa.text("faults IS NULL AND state IN ('submitted', 'accepted', 'consolidated')")


def upgrade():
    """Go forward."""
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.add_column(sa.Column('faults', sa.Text(), nullable=True))
        batch_op.create_index('ix_record_unjudged', ['id'], unique=False, sqlite_where=UNJUDGED, postgresql_where=UNJUDGED)


def downgrade():
    """Go back."""
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.drop_index('ix_record_unjudged')
        batch_op.drop_column('faults')
